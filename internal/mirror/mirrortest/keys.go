package mirrortest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
)

// ExpectedKeys returns the keys a table of the mirror should hold, as "a b c".
func (s *TenantSnapshot) ExpectedKeys(table catalog.Table) (map[string]bool, error) {
	rows, err := s.rowsToMirror(table.Name)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{}
	for _, row := range rows {
		parts := make([]string, len(table.Key))
		for i, column := range table.Key {
			parts[i] = fmt.Sprint(row[column])
		}
		keys[strings.Join(parts, " ")] = true
	}
	return keys, nil
}

// MirroredKeys returns the keys a table of the mirror holds.
func MirroredKeys(ctx context.Context, pool *pgxpool.Pool, name string, table catalog.Table) (map[string]bool, error) {
	return mirroredKeys(ctx, pool, table, "tenant_id = $1", name)
}

// KeysPublishedAt returns the keys of the rows of a table that were published at a
// moment.
func KeysPublishedAt(ctx context.Context, pool *pgxpool.Pool, name string, table catalog.Table, at time.Time) (map[string]bool, error) {
	return mirroredKeys(ctx, pool, table, "tenant_id = $1 and valid_from = $2", name, at)
}

func mirroredKeys(ctx context.Context, pool *pgxpool.Pool, table catalog.Table, where string, args ...any) (map[string]bool, error) {
	columns := make([]string, len(table.Key))
	for i, column := range table.Key {
		columns[i] = pgx.Identifier{column}.Sanitize()
	}
	rows, err := pool.Query(ctx, "select concat_ws(' ', "+strings.Join(columns, ", ")+") from "+
		pgx.Identifier{"logto", table.Name}.Sanitize()+" where "+where, args...)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	keys := map[string]bool{}
	for _, key := range found {
		keys[key] = true
	}
	return keys, err
}

// CountOverlapsQuery returns a query that counts the versions of a table, for the tenant
// $1, that overlap another version of the same row or are valid for no time.
func CountOverlapsQuery(table catalog.Table) string {
	columns := make([]string, len(table.Key))
	for i, column := range table.Key {
		columns[i] = pgx.Identifier{column}.Sanitize()
	}
	keys := strings.Join(columns, ", ")
	name := pgx.Identifier{table.Name}.Sanitize()
	return fmt.Sprintf(`
with versions as (
    select %[1]s, valid_from, valid_to from logto_history.%[2]s where tenant_id = $1
    union all
    select %[1]s, valid_from, 'infinity' from logto.%[2]s where tenant_id = $1
), neighbours as (
    select valid_from, valid_to, lead(valid_from) over (partition by %[1]s order by valid_from) as next_from from versions
)
select count(*) from neighbours where valid_to <= valid_from or next_from < valid_to`, keys, name)
}
