package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// measureLimit reads a tenant as Logto Cloud would let it be read. The
// simulator answers 429 to the 201st request of any 10 s, as it counts them.
func measureLimit(ctx context.Context, l *harness) (rows []result, err error) {
	users := l.scaled(20_000)
	s, stop, err := l.startSyncerSimulate(ctx, "--users", strconv.Itoa(users), "--throttle", "--latency", "50-400ms")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	e, err := runLimited(ctx, l, s)
	if err != nil {
		return nil, err
	}
	ideal := float64(e.summary.Requests) / 200 * 10
	return []result{
		atLeast("under the limit", "200 in 10 s, answers after 50-400 ms, "+thousands(users)+" users and all that goes with them: requests at the limit ÷ seconds to published",
			ideal/e.summary.Seconds, 0.97, "", fmt.Sprintf("%d requests, %.1f s of %.1f s", e.summary.Requests, ideal, e.summary.Seconds)),
		atMost("throttled answers", "429 in the same run; the simulator counts any 10 s", float64(e.summary.Throttled), 0, "", ""),
	}, nil
}

// runLimited runs a tenant of which more than 200 requests in 10 s are refused.
func runLimited(ctx context.Context, l *harness, s simulatorInfo) (e *processResult, err error) {
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.drop(ctx)) }()
	// A database that is new does not know how long the tenant has rested.
	if err := pause(ctx, 11*time.Second); err != nil {
		return nil, err
	}
	return d.syncer(ctx, s, "limited", "{requests: 200, per: 10s}", "run", "all")
}

// measureRequests counts what the first run and the next one ask for.
func measureRequests(ctx context.Context, l *harness) (rows []result, err error) {
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.drop(ctx)) }()
	for _, with := range []string{"without", "with"} {
		some, err := requestsOf(ctx, d, with)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// tenants are how many are read for the number of requests: how many ranges of
// ids hold more than a page is chance.
const tenants = 4

func requestsOf(ctx context.Context, d *database, with string) (rows []result, err error) {
	users := d.lab.scaled(20_000)
	var first, again int64
	for seed := range tenants {
		args := []string{"--users", strconv.Itoa(users), "--seed", strconv.Itoa(seed + 1)}
		if with == "with" {
			args = append(args, "--ties")
		}
		one, two, err := requestsOfOne(ctx, d, fmt.Sprintf("%s-%d", with, seed), args)
		if err != nil {
			return nil, err
		}
		first, again = first+one, again+two
	}
	pages := float64(tenants*users) / 100
	how := fmt.Sprintf("requests ÷ (rows/100), %d tenants of %s users, %s shared timestamps", tenants, thousands(users), with)
	return []result{
		atMost("requests, first read", how, float64(first)/pages, 1.35, "", fmt.Sprintf("%d requests, those for a token included", first)),
		atMost("requests, refresh", how, float64(again)/pages, 1.02+40*tenants/pages, "", fmt.Sprintf("%d requests", again)),
	}, nil
}

func requestsOfOne(ctx context.Context, d *database, tenant string, args []string) (first, again int64, err error) {
	s, stop, err := d.lab.startSyncerSimulate(ctx, args...)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	one, err := d.syncer(ctx, s, tenant, "none", "run", "users")
	if err != nil {
		return 0, 0, err
	}
	two, err := d.syncer(ctx, s, tenant, "none", "run", "users")
	if err != nil {
		return 0, 0, err
	}
	return one.summary.Requests, two.summary.Requests, nil
}

// measureParents reads many organizations with few members each.
func measureParents(ctx context.Context, l *harness) (rows []result, err error) {
	n := l.scaled(100_000)
	s, stop, err := l.startBuiltinSimulator(ctx, "-users", "3000", "-organizations", strconv.Itoa(n), "-members", "3", "-orderly")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.drop(ctx)) }()
	e, err := d.syncer(ctx, s, "many", "none", "run", "members")
	if err != nil {
		return nil, err
	}
	how := thousands(n) + " organizations of 3 members, 3,000 users; the list of organizations keeps its order, without which nothing could prove it"
	return []result{
		atMost("many small parents", how+": requests ÷ organizations", float64(e.summary.Requests)/float64(n), 1.03, "",
			fmt.Sprintf("%d requests in %.1f s", e.summary.Requests, e.seconds)),
		atMost("memory, many small parents", how, e.rss, 128, " MB", ""),
	}, nil
}

// thousands writes a number with commas.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
