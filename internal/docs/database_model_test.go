// Package docs writes docs/data-dictionary.md and docs/data-model.md from the
// database's comments, keys and foreign keys and from the catalog. The result
// depends on nothing else, so a test can tell whether the documents are up to
// date; make docs runs that test with -update. The program does not use this
// package.
package docs

import (
	"context"
	"embed"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed sql/*.sql
var files embed.FS

// A DatabaseModel is what is known of the schemas that people read. It is read-only.
type DatabaseModel struct {
	Tables    []*Table // sorted by schema and name
	Functions []Function
}

// A Table is a table or a view.
type Table struct {
	Schema, Name, Comment string
	View                  bool
	Key                   []string  `db:"key"` // empty for a view
	Columns               []*Column `db:"-"`
}

// A Column is a column of a table or view.
type Column struct {
	Schema, Table, Name string
	Type                string // as Postgres writes it
	Required            bool   // never null, as far as the database knows
	Comment             string // empty: none
	Target              string // the table whose key it points at; empty: none
}

// A Function is one that people may call.
type Function struct{ Name, Arguments, Result, Comment string }

// Read reads the model of a migrated database.
func Read(ctx context.Context, pool *pgxpool.Pool) (*DatabaseModel, error) {
	m := &DatabaseModel{}
	schemas := []string{mirrored, past, report}
	if err := collect(ctx, pool, "tables", schemas, &m.Tables, pgx.RowToAddrOfStructByName); err != nil {
		return nil, err
	}
	var columns []*Column
	if err := collect(ctx, pool, "columns", schemas, &columns, pgx.RowToAddrOfStructByName); err != nil {
		return nil, err
	}
	for _, c := range columns {
		if t := m.table(c.Schema, c.Table); t != nil {
			t.Columns = append(t.Columns, c)
		}
	}
	err := collect(ctx, pool, "functions", []string{report}, &m.Functions, pgx.RowToStructByName)
	return m, err
}

// The schemas.
const (
	mirrored = "logto"
	past     = "logto_history"
	report   = "report"
)

func collect[T any](ctx context.Context, pool *pgxpool.Pool, name string, schemas []string, into *[]T, to pgx.RowToFunc[T]) error {
	sql, err := files.ReadFile("sql/" + name + ".sql")
	if err != nil {
		return err
	}
	rows, err := pool.Query(ctx, string(sql), schemas)
	if err == nil {
		*into, err = pgx.CollectRows(rows, to)
	}
	if err != nil {
		return fmt.Errorf("read the %s of the database: %w", name, err)
	}
	return nil
}

// table returns nil where there is none.
func (m *DatabaseModel) table(schema, name string) *Table {
	i := slices.IndexFunc(m.Tables, func(t *Table) bool { return t.Schema == schema && t.Name == name })
	if i < 0 {
		return nil
	}
	return m.Tables[i]
}

// tablesIn returns the tables and views of a schema.
func (m *DatabaseModel) tablesIn(schema string) []*Table {
	var out []*Table
	for _, t := range m.Tables {
		if t.Schema == schema {
			out = append(out, t)
		}
	}
	return out
}
