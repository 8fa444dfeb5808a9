package main

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"

	"logto-syncer/sql"
)

// report prints the reports in sql/demo, in the order of their names.
func (a *app) report(ctx context.Context, db *database) error {
	if a.out.json || a.out.quiet {
		return nil
	}
	folder := sql.Folder("demo")
	files, err := fs.Glob(folder, "*.sql")
	if err != nil {
		return err
	}
	for _, name := range files {
		query, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		result, err := reportTable(ctx, db, string(query))
		if err != nil {
			return fmt.Errorf("report %s: %w", name, err)
		}
		title, _, _ := strings.Cut(string(query), "\n")
		a.out.printf("\n%s\n%s", strings.TrimPrefix(title, "-- "), result)
	}
	return nil
}

// reportTable runs a query whose columns are all text or null.
func reportTable(ctx context.Context, db *database, query string) (table, error) {
	rows, err := db.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	heads := []string{}
	for _, f := range rows.FieldDescriptions() {
		heads = append(heads, f.Name)
	}
	body, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) ([]string, error) {
		cells := make([]*string, len(heads))
		targets := make([]any, len(heads))
		for i := range cells {
			targets[i] = &cells[i]
		}
		err := row.Scan(targets...)
		line := make([]string, len(heads))
		for i, c := range cells {
			if c != nil {
				line[i] = *c
			}
		}
		return line, err
	})
	return append(table{heads}, body...), err
}

// collectText returns the one text column of a query.
func collectText(rows pgx.Rows) ([]string, error) { return pgx.CollectRows(rows, pgx.RowTo[string]) }
