package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/report/reporttest"
)

// A questionTiming is a question and how long its answer took.
type questionTiming struct {
	name        string
	wholeTenant bool // it is about the whole tenant
	seconds     float64
	rows        int
}

// questions times all questions of docs/questions.md.
func (t *queryTenant) questions(ctx context.Context) ([]result, error) {
	document, err := os.ReadFile("docs/questions.md")
	if err != nil {
		return nil, err
	}
	all, err := reporttest.ParseQuestions(string(document))
	if err != nil {
		return nil, err
	}
	// The document's two nights are the last two runs. Everything else that it
	// names is in the tenant.
	previous, last := t.previousRunAt.Format(time.RFC3339Nano), t.lastRunAt.Format(time.RFC3339Nano)
	times := strings.NewReplacer("2026-11-01 02:00+00", previous, "2026-11-01 12:00+00", previous, "2026-11-02 02:00+00", last)
	var timings []questionTiming
	for _, q := range all {
		timing, err := t.timeQuestion(ctx, questionTiming{name: q.Number + ". " + q.Text, wholeTenant: q.Whole}, times.Replace(q.SQL))
		if err != nil {
			return nil, err
		}
		timings = append(timings, timing)
	}
	t.harness.questionResults = append(t.harness.questionResults, timings...)
	of := func(wholeTenant bool) []questionTiming {
		return slices.DeleteFunc(slices.Clone(timings), func(q questionTiming) bool { return q.wholeTenant != wholeTenant })
	}
	return []result{
		slowestQuestionResult("questions about one", "about one person, role or organization", t.sizeText(), of(false), 0.05),
		slowestQuestionResult("questions about the tenant", "about the whole tenant", t.sizeText(), of(true), 3),
	}, nil
}

// searches times report.search_users with each of its arguments.
func (t *queryTenant) searches(ctx context.Context) ([]result, error) {
	const sql = `select quote_literal(organization), quote_literal(name) from report.organization_members
where organization like '% 3' and name is not null order by user_id limit 1`
	var organization, name string
	if err := t.QueryRow(ctx, sql).Scan(&organization, &name); err != nil {
		return nil, err
	}
	var timings []questionTiming
	for _, s := range []struct{ name, arguments string }{
		{"a name, misspelt", "'dora keler'"},
		{"an address, misspelt", "'emma.petrof4711'"},
		{"an address, in any case", "'DORA@Example.ORG', 'exact'"},
		{"a part of an address", "'RL@keller.', 'contains'"},
		{"a name in an organization", name + ", organization => " + organization},
		{"custom data", `custom_data => '{"externalId": "crm-K41"}'`},
		{"a path of custom data", `custom_data_path => '$.externalId == "crm-K41"'`},
		{"a role", "role => 'finance'"},
		{"an organization", "organization => " + organization},
		{"a role in an organization", "organization_role => 'member', organization => " + organization},
		{"an e-mail domain", "email_domain => 'Keller.example'"},
		{"a role and an e-mail domain, suspended", "role => 'finance', email_domain => 'example.org', suspended => true"},
		{"a name that hundreds have, misspelt", "'emma petrof'"},
	} {
		timing, err := t.timeQuestion(ctx, questionTiming{name: "a search by " + s.name}, "select * from report.search_users("+s.arguments+")")
		if err != nil {
			return nil, err
		}
		timings = append(timings, timing)
	}
	t.harness.questionResults = append(t.harness.questionResults, timings...)
	few, many := timings[:len(timings)-1], timings[len(timings)-1]
	return []result{
		slowestQuestionResult("searches for few", "report.search_users", t.sizeText(), few, 0.05),
		informational("a search for many", "report.search_users, a common name, misspelt; "+t.sizeText(), many.seconds*1000, " ms", ""),
	}, nil
}

// slowestQuestionResult is the result of the slowest of some questions.
func slowestQuestionResult(name, about, size string, all []questionTiming, maxSeconds float64) result {
	slowest, tooSlow := questionTiming{}, 0
	for _, q := range all {
		if q.seconds > slowest.seconds {
			slowest = q
		}
		if q.seconds > maxSeconds {
			tooSlow++
		}
	}
	detail := slowest.name
	if tooSlow > 0 {
		detail += fmt.Sprintf(" %d of %d take longer than promised", tooSlow, len(all))
	}
	return atMost(name, fmt.Sprintf("the slowest of %d, %s; %s", len(all), about, size), slowest.seconds*1000, maxSeconds*1000, " ms", detail)
}

// timeQuestion times a query until its last row is there.
func (t *queryTenant) timeQuestion(ctx context.Context, q questionTiming, sql string) (questionTiming, error) {
	return medianTiming(q, func() (n int, err error) {
		rows, err := t.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return 0, err
		}
		for rows.Next() {
			n++
		}
		return n, rows.Err()
	})
}

// questionTable lists the questions and their times; empty if none was asked.
func (h *harness) questionTable() string {
	if len(h.questionResults) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(questionTableHead)
	for _, q := range h.questionResults {
		about := "one"
		if q.wholeTenant {
			about = "the tenant"
		}
		fmt.Fprintf(&b, "| %s | %s | %s ms | %s |\n", q.name, about, number(q.seconds*1000), thousands(q.rows))
	}
	return b.String()
}

const questionTableHead = `
## What analysts ask

The questions of [questions.md](questions.md) and searches by report.search_users,
with the indexes for analysts created and the tables vacuumed: milliseconds that the
client waits for the last row; the median of 5, or of 3 for questions about the whole
tenant, after one to warm up. A question that finds nothing fails the measurement.
Users, roles, who holds them, and organizations are mirrored by the program;
memberships, second factors, tokens, enterprise identities and logs are generated in
the database, in the sizes of a simulated tenant. A role has about 2,000 holders, but
for the one that half of the users have. One organization has a fifth of all
memberships, the others about 17 each.

| question | about | time | rows |
|---|---|---|---|
`
