package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	firstTenantUsers, secondTenantUsers = 20_000, 5_000
	// vacuumedFloor is what an answer counts as taking at least, after the vacuum:
	// below it the ratio of two times is noise.
	vacuumedFloor = 20 * time.Millisecond
)

// measureSecondTenantQueries loads two tenants one after the other and compares how long
// questions and reports about the second take right after its publication with
// how long they take once autovacuum has been through.
func measureSecondTenantQueries(ctx context.Context, h *harness) ([]result, error) {
	return withDatabase(ctx, h, func(d *database) ([]result, error) {
		if err := d.disableAutovacuum(ctx); err != nil {
			return nil, err
		}
		for _, t := range []struct {
			name    string
			options simulatorOptions
		}{
			{"first", simulatorOptions{Users: firstTenantUsers, Organizations: firstTenantUsers / 20}},
			{acme, simulatorOptions{Users: secondTenantUsers, Organizations: secondTenantUsers / 20, People: true}},
		} {
			_, err := withSimulator(ctx, t.options.command(), func(s simulator) (*processResult, error) { return d.run(ctx, s, t.name, "all") })
			if err != nil {
				return nil, err
			}
		}
		return d.compareWithVacuumed(ctx)
	})
}

// disableAutovacuum keeps autovacuum from the tables of the mirror.
func (d *database) disableAutovacuum(ctx context.Context) error {
	_, err := d.Exec(ctx, `do $$ declare t regclass; begin
    for t in select oid from pg_class where relkind = 'r' and relnamespace in ('logto'::regnamespace, 'logto_history'::regnamespace) loop
        execute format('alter table %s set (autovacuum_enabled = false)', t);
    end loop;
end $$`)
	return err
}

// compareWithVacuumed times all queries before and after a vacuum of the database.
func (d *database) compareWithVacuumed(ctx context.Context) ([]result, error) {
	queries, err := d.questionAndReportQueries()
	if err != nil {
		return nil, err
	}
	published, err := timeQueries(ctx, queries)
	if err != nil {
		return nil, err
	}
	if _, err := d.Exec(ctx, "vacuum analyze"); err != nil {
		return nil, err
	}
	vacuumed, err := timeQueries(ctx, queries)
	if err != nil {
		return nil, err
	}
	ratio := func(name string) float64 {
		return published[name].Seconds() / max(vacuumed[name], vacuumedFloor).Seconds()
	}
	worst := slices.MaxFunc(slices.Collect(maps.Keys(published)), func(a, b string) int { return cmp.Compare(ratio(a), ratio(b)) })
	return []result{atMost("a second tenant, just published", fmt.Sprintf(
		"the worst of %d questions and reports about a tenant of %s users, loaded after one of %s: time right after its publication ÷ after vacuum analyze, %s at least",
		len(published), thousands(secondTenantUsers), thousands(firstTenantUsers), vacuumedFloor),
		ratio(worst), 5, "", fmt.Sprintf("%s: %s, %s", worst, published[worst].Round(time.Millisecond), vacuumed[worst].Round(time.Millisecond)))}, nil
}

// questionAndReportQueries are the questions and reports that have an answer after one run.
func (d *database) questionAndReportQueries() ([]query, error) {
	now := time.Now()
	questions, err := d.questionQueries(now, now)
	if err != nil {
		return nil, err
	}
	since := map[string]string{"since": now.Format(time.RFC3339Nano)}
	reports, err := d.reportQueries(now, "Organization 3", map[string]map[string]string{
		"access_changes": since, "changes": since, "permission_holders": {"scope": "purge:orders"},
	})
	return append(questions, reports...), err
}

// minQueries is how many of the queries must have an answer after one run.
const minQueries = 50

// timeQueries returns the median time of each query that has an answer.
func timeQueries(ctx context.Context, queries []query) (map[string]time.Duration, error) {
	times := map[string]time.Duration{}
	var failed []string
	for _, q := range queries {
		median, _, err := q.medianTime(ctx, 0, 3)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", q.name, err))
			continue
		}
		times[q.name] = median
	}
	if len(times) < minQueries {
		return nil, fmt.Errorf("%d of %d questions and reports were answered: %s", len(times), len(queries), strings.Join(failed, "; "))
	}
	return times, nil
}
