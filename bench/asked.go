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

// asked is a question and how long its answer took.
type asked struct {
	name    string
	whole   bool // about the whole tenant
	seconds float64
	rows    int
}

// questions asks all of docs/questions.md.
func (c *crowd) questions(ctx context.Context) ([]row, error) {
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
	nights := strings.NewReplacer("2026-11-01 02:00+00", c.from.Format(time.RFC3339Nano),
		"2026-11-01 12:00+00", c.from.Format(time.RFC3339Nano), "2026-11-02 02:00+00", c.to.Format(time.RFC3339Nano))
	for _, q := range all {
		a, err := c.time(ctx, asked{name: q.Number + ". " + q.Text, whole: q.Whole}, nights.Replace(q.SQL))
		if err != nil {
			return nil, err
		}
		c.lab.asked = append(c.lab.asked, a)
	}
	of := func(whole bool) []asked {
		return slices.DeleteFunc(slices.Clone(c.lab.asked), func(a asked) bool { return a.whole != whole })
	}
	return []row{
		slowest("questions about one", "about one person, role or organization", c.size(), of(false), 0.05),
		slowest("questions about the tenant", "about the whole tenant", c.size(), of(true), 3),
	}, nil
}

// slowest is the row of the slowest of some questions.
func slowest(what, about, of string, all []asked, bar float64) row {
	worst, short := asked{}, 0
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

// time asks once to warm up and then again, and keeps the median. A question
// nobody answers measures nothing: that is an error.
func (c *crowd) time(ctx context.Context, a asked, sql string) (asked, error) {
	times := 5
	if a.whole {
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

// askedTable lists what was asked and how long it took, for the report; empty
// if nothing was.
func (l *lab) askedTable() string {
	if len(l.asked) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString(askedHead)
	for _, a := range l.asked {
		about := "one"
		if a.whole {
			about = "the tenant"
		}
		fmt.Fprintf(&b, "| %s | %s | %s ms | %s |\n", a.name, about, number(a.seconds*1000), thousands(a.rows))
	}
	return b.String()
}

const askedHead = `
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
