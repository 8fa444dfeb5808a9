package main

import (
	"context"
	"io"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/bench/host"
	"logto-syncer/internal/report"
	"logto-syncer/internal/report/reporttest"
)

// A query is a question of docs/questions.md, a report, or another question that
// is asked of the mirror.
type query struct {
	name        string
	wholeTenant bool // it is about the whole tenant, not about one person, role or organization
	ask         func(context.Context) (rows int, err error)
}

// medianTime asks a number of times to warm up, and then again. It returns the
// median and the number of rows.
func (q query) medianTime(ctx context.Context, warmUps, times int) (median time.Duration, rows int, err error) {
	var latencies []time.Duration
	for range warmUps + times {
		began := time.Now()
		if rows, err = q.ask(ctx); err != nil {
			return 0, 0, err
		}
		latencies = append(latencies, time.Since(began))
	}
	return host.Median(latencies[warmUps:]), rows, nil
}

// newSQLQuery asks in SQL, until the last row is there.
func (d *database) newSQLQuery(name string, wholeTenant bool, sql string) query {
	return query{name, wholeTenant, func(ctx context.Context) (n int, err error) {
		rows, err := d.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return 0, err
		}
		for rows.Next() {
			n++
		}
		return n, rows.Err()
	}}
}

// questionQueries are those of docs/questions.md. The document's two nights are the runs
// that were published at previous and last; everything else that it names is in a
// tenant with its people.
func (d *database) questionQueries(previous, last time.Time) (all []query, err error) {
	document, err := os.ReadFile("docs/questions.md")
	if err != nil {
		return nil, err
	}
	questions, err := reporttest.ParseQuestions(string(document))
	if err != nil {
		return nil, err
	}
	before, at := previous.Format(time.RFC3339Nano), last.Format(time.RFC3339Nano)
	times := strings.NewReplacer("2026-11-01 02:00+00", before, "2026-11-01 12:00+00", before, "2026-11-02 02:00+00", at)
	for _, q := range questions {
		all = append(all, d.newSQLQuery(q.Number+". "+q.Text, q.Whole, times.Replace(q.SQL)))
	}
	return all, nil
}

// reportQueries are all reports about acme, as syncer report runs them: names are looked
// up, and what the query rests on is planned before it is asked. The arguments are
// those of a moment and an organization, and others by the report's name.
func (d *database) reportQueries(at time.Time, organization string, others map[string]map[string]string) (all []query, err error) {
	reports, err := report.List("")
	if err != nil {
		return nil, err
	}
	moment := at.Format(time.RFC3339Nano)
	arguments := map[string]map[string]string{
		"organization_members":    {"organization": organization},
		"organization_members_at": {"organization": organization, "at": moment},
		"role_holders_at":         {"role": "finance", "at": moment},
		"role_members":            {"role": "finance"},
		"search_users":            {"query": "dora keler"},
		"user":                    {"who": "dora00000001"},
		"user_permissions":        {"who": "dora00000001"},
	}
	for _, r := range reports {
		args := map[string]string{"tenant": acme}
		maps.Copy(args, arguments[r.Name])
		maps.Copy(args, others[r.Name])
		wholeTenant := arguments[r.Name] == nil && r.Name != "access_changes"
		all = append(all, query{"report " + r.Name, wholeTenant, func(ctx context.Context) (int, error) {
			out, err := report.NewRenderer("csv", io.Discard, 0)
			if err != nil {
				return 0, err
			}
			answer, err := report.Run(ctx, d.Pool, r, report.RunOptions{Args: args}, out)
			return answer.Rows, err
		}})
	}
	return all, nil
}
