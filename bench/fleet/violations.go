package main

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/mirror/mirrortest"
	"logto-syncer/internal/pgquery"
)

// unprovedTenants selects the tenants without a published run with complete
// certificates only.
const unprovedTenants = `
select name from unnest($1::text[]) name
where not exists (
    select from syncer.runs r
    where r.tenant_id = name and r.status = 'succeeded' and r.published_at is not null
        and (select bool_and(c.proof = 'complete') and count(*) = cardinality(r.listings) from syncer.certificates c where c.run_id = r.run_id)
)`

// compareEvery selects one of so many tenants, and all rescued ones, for a
// comparison with their mirrors: comparing all takes longer than mirroring them.
const compareEvery = 10

// findViolations finds tenants that are not proved, differ from their mirrors, were read
// by two workers at once, or received more requests than their limit.
func (f *scenarioMeasurement) findViolations(ctx context.Context, pool *pgxpool.Pool, tenants []*tenant) error {
	var names, tables []string
	for _, t := range tenants {
		names = append(names, t.name)
	}
	for _, l := range catalog.Select(listingsToRead()) {
		for _, table := range l.Tables() {
			tables = append(tables, table.Name)
		}
	}
	var err error
	if f.unproved, err = pgquery.Column[string](ctx, pool, "find unproved tenants", unprovedTenants, names); err != nil {
		return err
	}
	for i, t := range tenants {
		if i%compareEvery == 0 || f.rescued[t.name] {
			diff, err := mirrortest.DiffTenant(ctx, pool, t.name, t.server.Tenant, tables...)
			if err != nil {
				return err
			}
			if diff != "" {
				f.different = append(f.different, t.name)
			}
		}
		if t.hadConcurrentRuns() {
			f.concurrent = append(f.concurrent, t.name)
		}
		most := t.server.MaxRequestsIn(window)
		f.maxInWindow = max(f.maxInWindow, most)
		if most > limit {
			f.overLimit = append(f.overLimit, t.name)
		}
	}
	return nil
}
