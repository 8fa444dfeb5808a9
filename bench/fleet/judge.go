package main

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/mirror/mirrortest"
)

// unproved are those of some tenants that have no published run all of whose
// certificates say complete.
const unproved = `
select name from unnest($1::text[]) name
where not exists (
    select from syncer.runs r
    where r.tenant_id = name and r.status = 'succeeded' and r.published_at is not null
        and (select bool_and(c.proof = 'complete') and count(*) = cardinality(r.listings) from syncer.certificates c where c.run_id = r.run_id)
)`

// compared is that one tenant of so many is compared with its mirror, and all
// that were taken over: to compare all takes longer than to mirror them.
const compared = 10

// judge finds what must not be: tenants that are not proved or differ from
// their mirrors, that two have worked on at once, or whose limit was broken.
func (f *figures) judge(ctx context.Context, pool *pgxpool.Pool, tenants []*tenant) error {
	var names, tables []string
	for _, t := range tenants {
		names = append(names, t.name)
	}
	for _, l := range catalog.Select(listings()) {
		for _, table := range l.Tables() {
			tables = append(tables, table.Name)
		}
	}
	rows, err := pool.Query(ctx, unproved, names)
	if err != nil {
		return err
	}
	if f.unproved, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		return err
	}
	for i, t := range tenants {
		if i%compared == 0 || f.takenOver[t.name] {
			if err := f.compare(ctx, pool, t, tables); err != nil {
				return err
			}
		}
		if t.shared() {
			f.shared = append(f.shared, t.name)
		}
		most := t.server.MaxIn(window)
		f.mostInWindow = max(f.mostInWindow, most)
		if most > limit {
			f.overLimit = append(f.overLimit, t.name)
		}
	}
	return nil
}

// compare compares a tenant with its mirror, row by row.
func (f *figures) compare(ctx context.Context, pool *pgxpool.Pool, t *tenant, tables []string) error {
	diff, err := mirrortest.Diff(ctx, pool, t.name, t.server.Tenant, tables...)
	if diff != "" {
		f.different = append(f.different, t.name)
	}
	return err
}
