package main

import (
	"context"
	"fmt"
	"regexp"
)

// timeByScope has a result for the queries about one person, role or
// organization, and one for those about the whole tenant.
func (t *queryTenant) timeByScope(ctx context.Context, what, how string, queries []query) ([]result, error) {
	timings, err := t.timeQueries(ctx, queries)
	return []result{
		t.slowestResult(what+" about one", how+"about one person, role or organization", timings, false),
		t.slowestResult(what+" about the tenant", how+"about the whole tenant", timings, true),
	}, err
}

// slowestResult is the result of the slowest of the queries that are about the whole
// tenant, or of those that are not.
func (t *queryTenant) slowestResult(name, about string, timings []queryTiming, wholeTenant bool) result {
	maxSeconds := 0.05
	if wholeTenant {
		maxSeconds = 3
	}
	slowest, tooSlow, all := queryTiming{}, 0, 0
	for _, q := range timings {
		if q.wholeTenant != wholeTenant {
			continue
		}
		all++
		if q.seconds > slowest.seconds {
			slowest = q
		}
		if q.seconds > maxSeconds {
			tooSlow++
		}
	}
	detail := slowest.name
	if tooSlow > 0 {
		detail += fmt.Sprintf(" %d of %d take longer than promised", tooSlow, all)
	}
	return atMost(name, fmt.Sprintf("the slowest of %d, %s; %s", all, about, t.sizeText()), slowest.seconds*1000, maxSeconds*1000, " ms", detail)
}

// A queryTiming is a query, how long its answer took, and its rows.
type queryTiming struct {
	query
	seconds float64
	rows    int
}

// String is its row in the table of the report.
func (q queryTiming) String() string {
	about := "one"
	if q.wholeTenant {
		about = "the tenant"
	}
	return fmt.Sprintf("| %s | %s | %s ms | %s |", q.name, about, number(q.seconds*1000), thousands(q.rows))
}

// nothingToSay begins the questions without an answer here: no privacy rule is
// set, and every table is known from its first run on.
var nothingToSay = regexp.MustCompile("^(59|60)[.] ")

// timeQueries times queries, each after one time to warm up. Finding nothing
// measures nothing: that is an error, but for nothingToSay.
func (t *queryTenant) timeQueries(ctx context.Context, queries []query) (timings []queryTiming, err error) {
	for _, q := range queries {
		times := 5
		if q.wholeTenant {
			times = 3
		}
		median, rows, err := q.medianTime(ctx, 1, times)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		if rows == 0 && !nothingToSay.MatchString(q.name) {
			return nil, fmt.Errorf("%s: nothing found", q.name)
		}
		timings = append(timings, queryTiming{q, median.Seconds(), rows})
	}
	t.harness.queryTimings = append(t.harness.queryTimings, timings...)
	return timings, nil
}
