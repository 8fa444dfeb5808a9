package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/bench/host"
	"logto-syncer/internal/report"
	"logto-syncer/internal/report/reporttest"
)

// A query is a question of docs/questions.md or a report.
type query struct {
	name string
	ask  func(context.Context) error
}

const (
	firstTenantUsers, secondTenantUsers = 20_000, 5_000
	// vacuumedFloor is what an answer counts as taking at least, after the vacuum:
	// below it the ratio of two times is noise.
	vacuumedFloor = 20 * time.Millisecond
)

// measureSecondTenantQueries loads two tenants one after the other and compares how long
// questions and reports about the second take right after its publication with
// how long they take once autovacuum has been through.
func measureSecondTenantQueries(ctx context.Context, h *harness) (results []result, err error) {
	err = h.withDatabase(ctx, func(d *database) error {
		if err := d.disableAutovacuum(ctx); err != nil {
			return err
		}
		for _, t := range []struct {
			name  string
			users int
			flags []string
		}{{"first", firstTenantUsers, nil}, {acme, secondTenantUsers, []string{"-people"}}} {
			command := benchSimulatorCommand(append(t.flags, "-users", fmt.Sprint(t.users), "-organizations", fmt.Sprint(t.users/20))...)
			err := h.withSimulator(ctx, command, func(s simulator) error {
				_, err := d.syncer(ctx, s, t.name, "none", "run", "all")
				return err
			})
			if err != nil {
				return err
			}
		}
		results, err = d.compareWithVacuumed(ctx)
		return err
	})
	return results, err
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
	queries, err := d.questionsAndReports()
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

// questionsAndReports are the questions and reports that have an answer after one run.
func (d *database) questionsAndReports() ([]query, error) {
	document, err := os.ReadFile("docs/questions.md")
	if err != nil {
		return nil, err
	}
	questions, err := reporttest.ParseQuestions(string(document))
	if err != nil {
		return nil, err
	}
	reports, err := report.List("")
	if err != nil {
		return nil, err
	}
	var all []query
	now := time.Now().Format(time.RFC3339Nano)
	times := strings.NewReplacer("2026-11-01 02:00+00", now, "2026-11-01 12:00+00", now, "2026-11-02 02:00+00", now)
	for _, q := range questions {
		sql := times.Replace(q.SQL)
		all = append(all, query{"question " + q.Number, func(ctx context.Context) error {
			rows, err := d.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
			if err != nil {
				return err
			}
			rows.Close()
			return rows.Err()
		}})
	}
	arguments := map[string]map[string]string{
		"access_changes": {"since": now}, "changes": {"since": now}, "permission_holders": {"scope": "purge:orders"},
		"organization_members": {"organization": "Organization 3"}, "organization_members_at": {"organization": "Organization 3", "at": now},
		"role_holders_at": {"role": "finance", "at": now}, "role_members": {"role": "finance"}, "search_users": {"query": "dora keler"},
		"user": {"who": "dora00000001"}, "user_permissions": {"who": "dora00000001"},
	}
	for _, r := range reports {
		args := map[string]string{}
		if slices.ContainsFunc(r.Params, func(p report.Param) bool { return p.Name == "tenant" }) {
			args["tenant"] = acme
		}
		maps.Copy(args, arguments[r.Name])
		all = append(all, query{"report " + r.Name, func(ctx context.Context) error {
			out, err := report.NewRenderer("csv", io.Discard, 0)
			if err != nil {
				return err
			}
			_, err = report.Run(ctx, d.Pool, r, report.RunOptions{Args: args}, out)
			return err
		}})
	}
	return all, nil
}

// minQueries is how many of the queries must have an answer after one run.
const minQueries = 50

// timeQueries returns the median time of each query that has an answer.
func timeQueries(ctx context.Context, queries []query) (map[string]time.Duration, error) {
	times := map[string]time.Duration{}
	var failed []string
	for _, q := range queries {
		var all []time.Duration
		for range 3 {
			began := time.Now()
			err := q.ask(ctx)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				failed = append(failed, fmt.Sprintf("%s: %v", q.name, err))
				break
			}
			all = append(all, time.Since(began))
		}
		if len(all) == 3 {
			times[q.name] = host.Median(all)
		}
	}
	if len(times) < minQueries {
		return nil, fmt.Errorf("%d of %d questions and reports were answered: %s", len(times), len(queries), strings.Join(failed, "; "))
	}
	return times, nil
}
