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

// DiffTenant returns how the mirror differs from the tenant in the given tables, at
// most a few lines a table; empty if it does not.
func DiffTenant(ctx context.Context, pool *pgxpool.Pool, name string, tenant *logtotest.Tenant, tables ...string) (string, error) {
	return NewSnapshot(tenant).Diff(ctx, pool, name, tables...)
}

// Diff is the function of that name for what the snapshot should look like.
func (s *TenantSnapshot) Diff(ctx context.Context, pool *pgxpool.Pool, name string, tables ...string) (string, error) {
	var out strings.Builder
	snapshot := s
	for _, table := range tables {
		want, err := snapshot.ExpectedRows(table)
		if err != nil {
			return "", err
		}
		got, err := mirroredRows(ctx, pool, name, table)
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

// mirroredRows reads a table of the mirror; its rows as canonical JSON, and how often.
func mirroredRows(ctx context.Context, pool *pgxpool.Pool, name, table string) (map[string]int, error) {
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

// A TenantSnapshot is a tenant as it was when its tables were first asked for.
type TenantSnapshot struct {
	tenant   *logtotest.Tenant
	tables   map[string][]logtotest.Row
	internal map[any]bool // ids of Logto's internal roles
	sends    func(table, column string) bool
}

// NewServerSnapshot returns a snapshot of a server's tenant as its version of Logto shows it:
// what it does not send is null.
func NewServerSnapshot(server *logtotest.Server) *TenantSnapshot {
	s := NewSnapshot(server.Tenant)
	s.sends = server.SendsColumn
	return s
}

// NewSnapshot returns a snapshot of a tenant that does not change while it is used.
func NewSnapshot(tenant *logtotest.Tenant) *TenantSnapshot {
	s := &TenantSnapshot{tenant: tenant, tables: map[string][]logtotest.Row{}, internal: map[any]bool{}}
	for _, role := range s.tenantRows("roles") {
		s.internal[role["id"]] = strings.HasPrefix(role["name"].(string), "#internal:")
	}
	return s
}

func (s *TenantSnapshot) tenantRows(table string) []logtotest.Row {
	if _, ok := s.tables[table]; !ok {
		s.tables[table] = s.tenant.Rows(table)
	}
	return s.tables[table]
}

// rowsToMirror returns the rows a table of the mirror should hold.
func (s *TenantSnapshot) rowsToMirror(table string) ([]map[string]any, error) {
	from, ok := sources[table]
	if !ok {
		return nil, fmt.Errorf("mirrortest does not know what %s should hold", table)
	}
	var out []map[string]any
	for _, row := range s.tenantRows(from.table) {
		for _, shown := range from.mirrorRows(s, maps.Clone(row)) {
			for column := range shown {
				if s.sends != nil && !s.sends(from.table, column) {
					shown[column] = nil
				}
			}
			out = append(out, shown)
		}
	}
	return out, nil
}

// ExpectedRows returns what a table of the mirror should hold, as canonical JSON, and
// how often.
func (s *TenantSnapshot) ExpectedRows(table string) (map[string]int, error) {
	rows, err := s.rowsToMirror(table)
	out := map[string]int{}
	for _, row := range rows {
		out[canonical(row)]++
	}
	return out, err
}
