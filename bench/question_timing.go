package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/bench/host"
	"logto-syncer/internal/report/reporttest"
)

// questionResult is a question and how long its answer took.
type questionResult struct {
	name        string
	wholeTenant bool // about the whole tenant
	seconds     float64
	rows        int
}

// questions asks all of docs/questions.md.
func (c *questionTenant) questions(ctx context.Context) ([]result, error) {
	document, err := os.ReadFile("docs/questions.md")
	if err != nil {
		return nil, err
	}
	all, err := reporttest.Questions(string(document))
	if err != nil {
		return nil, err
	}
	// The nights of the document are the last two of this mirror. Everything
	// else it names is in the tenant.
	nights := strings.NewReplacer("2026-11-01 02:00+00", c.previousRunAt.Format(time.RFC3339Nano),
		"2026-11-01 12:00+00", c.previousRunAt.Format(time.RFC3339Nano), "2026-11-02 02:00+00", c.lastRunAt.Format(time.RFC3339Nano))
	for _, q := range all {
		a, err := c.timeQuestion(ctx, questionResult{name: q.Number + ". " + q.Text, wholeTenant: q.Whole}, nights.Replace(q.SQL))
		if err != nil {
			return nil, err
		}
		c.lab.questionResults = append(c.lab.questionResults, a)
	}
	of := func(whole bool) []questionResult {
		return slices.DeleteFunc(slices.Clone(c.lab.questionResults), func(a questionResult) bool { return a.wholeTenant != whole })
	}
	return []result{
		slowestQuestion("questions about one", "about one person, role or organization", c.size(), of(false), 0.05),
		slowestQuestion("questions about the tenant", "about the whole tenant", c.size(), of(true), 3),
	}, nil
}

// slowestQuestion is the row of the slowest of some questions.
func slowestQuestion(what, about, of string, all []questionResult, bar float64) result {
	worst, short := questionResult{}, 0
	for _, a := range all {
		if a.seconds > worst.seconds {
			worst = a
		}
		if a.seconds > bar {
			short++
		}
	}
	detail := worst.name
	if short > 0 {
		detail += fmt.Sprintf(" %d of %d take longer than promised", short, len(all))
	}
	return atMost(what, fmt.Sprintf("the slowest of %d, %s; %s", len(all), about, of), worst.seconds*1000, bar*1000, " ms", detail)
}

// timeQuestion asks once to warm up and then again, and keeps the median. A question
// nobody answers measures nothing: that is an error.
func (c *questionTenant) timeQuestion(ctx context.Context, a questionResult, sql string) (questionResult, error) {
	times := 5
	if a.wholeTenant {
		times = 3
	}
	var took []time.Duration
	for i := range 1 + times {
		began := time.Now()
		rows, err := c.Query(ctx, sql, pgx.QueryExecModeSimpleProtocol)
		if err != nil {
			return a, fmt.Errorf("%s: %w", a.name, err)
		}
		for a.rows = 0; rows.Next(); {
			a.rows++
		}
		if err := rows.Err(); err != nil {
			return a, fmt.Errorf("%s: %w", a.name, err)
		}
		if i > 0 {
			took = append(took, time.Since(began))
		}
	}
	if a.rows == 0 {
		return a, fmt.Errorf("%s: nothing found", a.name)
	}
	a.seconds = host.Median(took).Seconds()
	return a, nil
}

// questionTable lists what was asked and how long it took, for the report; empty
// if nothing was.
func (l *harness) questionTable() string {
	if len(l.questionResults) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(questionTableHead)
	for _, a := range l.questionResults {
		about := "one"
		if a.wholeTenant {
			about = "the tenant"
		}
		fmt.Fprintf(&b, "| %s | %s | %s ms | %s |\n", a.name, about, number(a.seconds*1000), thousands(a.rows))
	}
	return b.String()
}

const questionTableHead = `
## What analysts ask

The questions of [questions.md](questions.md) and searches by report.search_users,
with the indexes for analysts made and the tables vacuumed: milliseconds as the
client sees them, until the last row is there; the median of 5, or of 3 where
the whole tenant is asked about, after one to warm up. A question that finds
nothing fails the measurement. Users, roles, who holds them, and organizations
are mirrored by the program; memberships, second factors, tokens, enterprise
identities and logs are made in the database, in the sizes of a simulated tenant.
A role has about 2,000 holders, but for the one that half of the users have.
One organization has a fifth of all memberships, the others about 17 each.

| question | about | took | rows |
|---|---|---|---|
`
