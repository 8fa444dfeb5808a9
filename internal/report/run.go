package report

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed sql/set_report_session.sql
var setReportSession string

// A Renderer receives the rows of a report as they come. A value is
// nil, bool, json.Number, json.RawMessage, string, or []any of these; times
// are strings in UTC. A row's slice is its own, to keep.
type Renderer interface {
	Begin(columns []Column) error
	Row(values []any) error
	End() error
}

// A Column is a column of what a report says.
type Column struct {
	Name    string
	Type    string // as Postgres names it, such as int8, text or _text
	Numeric bool
}

// neverTruncated reports whether a value is of no use in part: an id, a time, a number.
func (c Column) neverTruncated() bool {
	switch c.Type {
	case "timestamptz", "timestamp", "date", "bool":
		return true
	}
	return c.Numeric || c.Name == "id" || strings.HasSuffix(c.Name, "_id") || strings.HasSuffix(c.Name, "_ids")
}

// A TxBeginner begins transactions: a pool or a connection.
type TxBeginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// RunOptions say how a report is run.
type RunOptions struct {
	Args map[string]string // values of parameters by name, as Postgres or a person writes them
	Hash KeyedHashFunc     // finds people under a hash rule; nil: without
	Wide bool              // with the column tenant_id even if only one tenant is asked about
}

// An AnswerSummary is what Run says besides the rows.
type AnswerSummary struct {
	Rows    int
	Notices []Notice
}

// Run asks the report's question, in a transaction that only reads, and hands
// the answer to out as it streams in. What is not given takes its default; what
// is given is resolved, a name to an id, and goes to Postgres as a parameter,
// never as part of the SQL. A value that is a mistake is an *ArgumentError, a
// mistake in the SQL an *SQLError.
func Run(ctx context.Context, db TxBeginner, r *Report, o RunOptions, out Renderer) (answer AnswerSummary, err error) {
	b, err := numberParameters(r)
	if err != nil {
		return answer, err
	}
	if err := r.checkArgs(o.Args); err != nil {
		return answer, err
	}
	tx, err := db.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return answer, fmt.Errorf("run report %s: %w", r.Name, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // there is nothing to keep
	if _, err := tx.Exec(ctx, setReportSession); err != nil {
		return answer, fmt.Errorf("run report %s: %w", r.Name, err)
	}
	found, err := r.resolve(ctx, tx, o.Args, o.Hash)
	if err != nil {
		return answer, err
	}
	if len(found.tenants) == 1 && !o.Wide {
		out = &tenantColumnOmitter{Renderer: out}
	}
	values, types := r.parameterValues(b.names, found)
	tables, err := tablesReadBy(ctx, tx, b.sql, values, types)
	if err != nil {
		return answer, explainError(r, b, err)
	}
	if answer.Notices, err = unprovedTableNotices(ctx, tx, tables, found.tenants); err != nil {
		return answer, err
	}
	counted := &counter{Renderer: out}
	if err := streamQuery(ctx, tx, r, b, values, types, counted); err != nil {
		return answer, err
	}
	notices, err := noticesFromSetting(ctx, tx)
	if err != nil {
		return answer, err
	}
	answer.Rows, answer.Notices = counted.rows, append(answer.Notices, notices...)
	return answer, out.End()
}

// streamQuery streams the rows to out.
func streamQuery(ctx context.Context, tx pgx.Tx, r *Report, b positionalQuery, values [][]byte, types []uint32, out Renderer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := tx.Conn().PgConn().ExecParams(ctx, b.sql, values, types, nil, nil)
	streamed := streamResult(tx.Conn().TypeMap(), answer, out)
	if streamed != nil {
		cancel() // or closing would read all that is still to come
	}
	if _, err := answer.Close(); err != nil && streamed == nil {
		return explainError(r, b, err)
	}
	return streamed
}

// checkArgs refuses arguments for parameters the report does not have, and
// wants those it needs.
func (r *Report) checkArgs(args map[string]string) error {
	var known []string
	for _, p := range r.Params {
		known = append(known, p.Name)
	}
	for name := range args {
		if !slices.Contains(known, name) {
			hint := suggest(name, known)
			if hint == "" {
				hint = "it has: " + strings.Join(known, ", ")
			}
			return &ArgumentError{r.Name, "", "it has no parameter " + name, hint}
		}
	}
	for _, p := range r.Params {
		if _, given := args[p.Name]; p.Required && !given {
			return &ArgumentError{r.Name, p.Name, "is required: " + p.Description, fmt.Sprintf("syncer report %s %s=...", r.Name, p.Name)}
		}
	}
	return nil
}

// parameterValues returns the values and types of $1, $2, ...; the text of a value is
// for Postgres to read.
func (r *Report) parameterValues(names []string, found resolvedValues) (values [][]byte, types []uint32) {
	for _, name := range names {
		p := r.Params[slices.IndexFunc(r.Params, func(p Param) bool { return p.Name == name })]
		var value []byte
		if text := found.values[name]; text != nil {
			value = []byte(*text)
		}
		values, types = append(values, value), append(types, p.oid())
	}
	return values, types
}

// counter counts the rows that it hands on.
type counter struct {
	Renderer
	rows int
}

func (c *counter) Row(values []any) error {
	c.rows++
	return c.Renderer.Row(values)
}

// tenantColumnOmitter leaves out a first column tenant_id, which would say the same in
// each row.
type tenantColumnOmitter struct {
	Renderer
	cut int
}

func (t *tenantColumnOmitter) Begin(columns []Column) error {
	if len(columns) > 1 && columns[0].Name == "tenant_id" {
		t.cut = 1
	}
	return t.Renderer.Begin(columns[t.cut:])
}

func (t *tenantColumnOmitter) Row(values []any) error { return t.Renderer.Row(values[t.cut:]) }
