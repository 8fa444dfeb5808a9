package report

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A Renderer is told what a report says, row by row as it comes. A value is
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

// whole reports whether a value is of no use in part: an id, a time, a number.
func (c Column) whole() bool {
	switch c.Type {
	case "timestamptz", "timestamp", "date", "bool":
		return true
	}
	return c.Numeric || c.Name == "id" || strings.HasSuffix(c.Name, "_id") || strings.HasSuffix(c.Name, "_ids")
}

// A Database begins transactions: a pool or a connection.
type Database interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// Run asks the report's question, in a transaction that only reads, and tells
// the answer to out as it streams in. args are values of parameters by name,
// written as Postgres reads them; what is not given takes its default. They go
// to Postgres as parameters, never as part of the SQL. A mistake in the SQL is
// a *Mistake.
func Run(ctx context.Context, db Database, r *Report, args map[string]string, out Renderer) error {
	b, err := bind(r)
	if err != nil {
		return err
	}
	values, types, err := r.values(b.names, args)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return fmt.Errorf("run report %s: %w", r.Name, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // there is nothing to keep
	if _, err := tx.Exec(ctx, "set local timezone = 'UTC'; set local datestyle = 'ISO'; set local intervalstyle = 'postgres'"); err != nil {
		return fmt.Errorf("run report %s: %w", r.Name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := tx.Conn().PgConn().ExecParams(ctx, b.sql, values, types, nil, nil)
	told := stream(tx.Conn().TypeMap(), answer, out)
	if told != nil {
		cancel() // or closing would read all that is still to come
	}
	if _, err := answer.Close(); err != nil && told == nil {
		return explain(r, b, err)
	}
	if told != nil {
		return told
	}
	return out.End()
}

// values returns the values and types of $1, $2, ...; the text of a value is
// for Postgres to read.
func (r *Report) values(names []string, args map[string]string) (values [][]byte, types []uint32, err error) {
	var known []string
	for _, p := range r.Params {
		known = append(known, p.Name)
		if _, given := args[p.Name]; p.Required && !given {
			return nil, nil, fmt.Errorf("report %s: parameter %s has to be given: %s", r.Name, p.Name, p.Description)
		}
	}
	for name := range args {
		if !slices.Contains(known, name) {
			return nil, nil, fmt.Errorf("report %s has no parameter %q%s", r.Name, name, suggest(name, known))
		}
	}
	for _, name := range names {
		p := r.Params[slices.Index(known, name)]
		var value []byte
		if given, ok := args[name]; ok {
			value = []byte(given)
		} else if p.Default != nil {
			value = []byte(*p.Default)
		}
		values, types = append(values, value), append(types, oids()[p.Type])
	}
	return values, types, nil
}
