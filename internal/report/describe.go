package report

import (
	"context"
	_ "embed" // the queries
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/pgquery"
)

//go:embed sql/describe_columns.sql
var describeColumns string

//go:embed sql/describe_views_and_functions.sql
var describeViewsAndFunctions string

//go:embed sql/describe_needs.sql
var describeNeeds string

// A Description says what a report's answer means and what it rests on.
type Description struct {
	Columns []ColumnMeaning
	Sources []ViewOrFunction
	Needs   []RequiredListing
}

// A ColumnMeaning explains a column of the answer.
type ColumnMeaning struct {
	Name    string `json:"name"`
	Type    string `json:"type"`    // as Postgres names it
	Meaning string `json:"meaning"` // empty: the report does not say
}

// A ViewOrFunction is a view or function of schema report that the report reads.
type ViewOrFunction struct {
	Name    string `json:"name" db:"name"` // such as report.role_holders_at
	Comment string `json:"comment" db:"comment"`
}

// A RequiredListing is a listing that the report rests on, and what a tenant's mirror has
// of it.
type RequiredListing struct {
	Tenant       string     `json:"tenant" db:"tenant_id"`
	Listing      string     `json:"listing" db:"listing"`
	Optional     bool       `json:"optional" db:"is_optional"`
	State        string     `json:"state" db:"state"`                 // as report.freshness has it
	HistorySince *time.Time `json:"history_since" db:"history_since"` // before, the past is not known; nil: it never is
}

// Describe explains a report from what its file and the comments in the database
// say. A column is explained by a line of the head ("-- column NAME: meaning"),
// or as the column of a table or view that it is, or, if a function returns it,
// as the columns of its name in schema report are. The question is planned and not asked.
func Describe(ctx context.Context, db TxBeginner, r *Report) (d Description, err error) {
	b, err := numberParameters(r)
	if err != nil {
		return d, err
	}
	doing := "describe report " + r.Name
	tx, err := db.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return d, fmt.Errorf("%s: %w", doing, err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // there is nothing to keep
	prepared, tables, err := planColumnsAndTables(ctx, tx, r, b)
	if err != nil {
		return d, explainError(r, b, err)
	}
	var names []string
	for _, found := range code.FindAllString(r.SQL, -1) {
		if name, ok := strings.CutPrefix(found, "report."); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if d.Columns, err = r.meanings(ctx, tx, prepared.Fields, names); err != nil {
		return d, fmt.Errorf("%s: %w", doing, err)
	}
	if d.Sources, err = pgquery.Rows(ctx, tx, doing, pgx.RowToStructByName[ViewOrFunction], describeViewsAndFunctions, names); err != nil {
		return d, err
	}
	d.Needs, err = pgquery.Rows(ctx, tx, doing, pgx.RowToStructByName[RequiredListing], describeNeeds, tables, names)
	return d, err
}

// planColumnsAndTables has Postgres read and plan the question, whatever its parameters are,
// and returns its columns and the tables of the mirror in the plan.
func planColumnsAndTables(ctx context.Context, tx pgx.Tx, r *Report, b positionalQuery) (*pgconn.StatementDescription, []string, error) {
	_, types := r.parameterValues(b.names, resolvedValues{})
	prepared, err := tx.Conn().PgConn().Prepare(ctx, "", b.sql, types)
	if err != nil {
		return nil, nil, err
	}
	// A parameter's value is one that the planner cannot know: of a value it knows, it
	// leaves out of the plan what that never reads. It cannot know a real parameter
	// either, but Citus makes no plan without the values.
	b, err = replaceParameters(r, func(n int) string {
		const unknown = "nullif(now()::text, now()::text)"
		if t, ok := tx.Conn().TypeMap().TypeForOID(prepared.ParamOIDs[n]); ok {
			return unknown + "::" + pgx.Identifier{t.Name}.Sanitize()
		}
		return unknown
	})
	if err != nil {
		return nil, nil, err
	}
	tables, err := tablesReadBy(ctx, tx, b.sql, nil, nil)
	return prepared, tables, err
}

func (r *Report) meanings(ctx context.Context, tx pgx.Tx, fields []pgconn.FieldDescription, sources []string) ([]ColumnMeaning, error) {
	var all []ColumnMeaning
	for i, c := range columns(tx.Conn().TypeMap(), fields) {
		m := ColumnMeaning{Name: c.Name, Type: c.Type, Meaning: r.Columns[c.Name]}
		if m.Meaning == "" {
			err := tx.QueryRow(ctx, describeColumns, fields[i].TableOID, int(fields[i].TableAttributeNumber), c.Name, sources).Scan(&m.Meaning)
			if err != nil {
				return nil, err
			}
		}
		all = append(all, m)
	}
	return all, nil
}
