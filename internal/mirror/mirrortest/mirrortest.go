// Package mirrortest compares a mirror with the tenant it mirrors, row by row
// and column by column, for the tests of every package that runs one. What the
// rows should be is worked out from the tenant's own tables, not by way of the
// API or of the program's own code.
package mirrortest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/logtotest"
)

// Diff returns how the mirror differs from the tenant in the given tables, at
// most a few lines a table; empty if it does not.
func Diff(ctx context.Context, pool *pgxpool.Pool, name string, tenant *logtotest.Tenant, tables ...string) (string, error) {
	var out strings.Builder
	for _, table := range tables {
		want, err := Truth(tenant, table)
		if err != nil {
			return "", err
		}
		got, err := rows(ctx, pool, name, table)
		if err != nil {
			return "", err
		}
		compare(&out, table, want, got)
	}
	return out.String(), nil
}

// maxLines bounds what is said of one table.
const maxLines = 8

func compare(out *strings.Builder, table string, want, got map[string]int) {
	var lines []string
	for row, n := range want {
		if got[row] != n {
			lines = append(lines, fmt.Sprintf("- %s: %s (%d times, want %d)\n", table, row, got[row], n))
		}
	}
	for row, n := range got {
		if want[row] == 0 {
			lines = append(lines, fmt.Sprintf("+ %s: %s (%d times, want none)\n", table, row, n))
		}
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[2:], b[2:]) })
	if len(lines) > maxLines {
		lines = append(lines[:maxLines], fmt.Sprintf("... and %d more in %s\n", len(lines)-maxLines, table))
	}
	out.WriteString(strings.Join(lines, ""))
}

// rows reads a table of the mirror; its rows as canonical JSON, and how often.
func rows(ctx context.Context, pool *pgxpool.Pool, name, table string) (map[string]int, error) {
	sql := "select to_jsonb(t) - 'tenant_id' - 'item_hash' - 'valid_from' from " +
		pgx.Identifier{"logto", table}.Sanitize() + " t where tenant_id = $1"
	found, err := pool.Query(ctx, sql, name)
	if err != nil {
		return nil, err
	}
	texts, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, text := range texts {
		row := map[string]any{}
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&row); err != nil {
			return nil, err
		}
		out[canonical(row)]++
	}
	return out, nil
}

// canonical writes a row in one way: times in milliseconds, numbers as floats,
// which is how Logto sends them.
func canonical(row map[string]any) string {
	for column, value := range row {
		if text, ok := value.(string); ok && strings.HasSuffix(column, "_at") {
			for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999"} {
				if at, err := time.Parse(layout, text); err == nil {
					row[column] = at.UnixMilli()
				}
			}
		}
	}
	text, err := json.Marshal(floats(row))
	if err != nil {
		panic(err)
	}
	return string(text)
}

func floats(value any) any {
	switch v := value.(type) {
	case json.Number:
		f, _ := v.Float64()
		return f
	case map[string]any:
		out := map[string]any{}
		for key, member := range v {
			out[key] = floats(member)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = floats(element)
		}
		return out
	}
	return value
}

// Truth returns what a table of the mirror should hold, as canonical JSON, and
// how often.
func Truth(tenant *logtotest.Tenant, table string) (map[string]int, error) {
	s, ok := sources[table]
	if !ok {
		return nil, fmt.Errorf("mirrortest does not know what %s should hold", table)
	}
	out := map[string]int{}
	for _, row := range tenant.Rows(s.table) {
		for _, mirrored := range s.rows(tenant, maps.Clone(row)) {
			out[canonical(mirrored)]++
		}
	}
	return out, nil
}

// IDs returns the ids of a table of the tenant.
func IDs(tenant *logtotest.Tenant, table string) []string {
	var ids []string
	for _, row := range tenant.Rows(table) {
		ids = append(ids, row["id"].(string))
	}
	slices.Sort(ids)
	return ids
}
