package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// measureLimit reads a tenant as Logto Cloud would let it be read. The
// simulator answers 429 to the 201st request of any 10 s, as it counts them.
func measureLimit(ctx context.Context, l *lab) (rows []row, err error) {
	users := l.rows(20_000)
	s, stop, err := l.syncerSimulate(ctx, "--users", strconv.Itoa(users), "--throttle", "--latency", "50-400ms")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.drop(ctx)) }()
	e, err := d.syncer(ctx, s, "limited", "{requests: 200, per: 10s}", "run", "all")
	if err != nil {
		return nil, err
	}
	ideal := float64(e.summary.Requests) / 200 * 10
	detail := fmt.Sprintf("%d requests, %.1f s of %.1f s", e.summary.Requests, ideal, e.seconds)
	return []row{
		atLeast("under the limit", "200 in 10 s, answers after 50-400 ms, "+thousands(users)+" users and all that goes with them: requests at the limit ÷ seconds of the process",
			ideal/e.seconds, 0.97, "", detail),
		atMost("throttled answers", "429 in the same run; the simulator counts any 10 s", float64(e.summary.Throttled), 0, "", ""),
	}, nil
}

// measureRequests counts what the first run and the next one ask for.
func measureRequests(ctx context.Context, l *lab) (rows []row, err error) {
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.drop(ctx)) }()
	for _, ties := range []bool{false, true} {
		some, err := requestsOf(ctx, d, ties)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func requestsOf(ctx context.Context, d *database, ties bool) (rows []row, err error) {
	users := d.lab.rows(20_000)
	args, tenant, with := []string{"--users", strconv.Itoa(users)}, "spread", "without"
	if ties {
		args, tenant, with = append(args, "--ties"), "ties", "with"
	}
	s, stop, err := d.lab.syncerSimulate(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	pages := float64(users) / 100
	for _, run := range []struct {
		name string
		most float64
	}{
		{"requests, first read", 1.35},
		{"requests, refresh", 1.02 + 40/pages},
	} {
		e, err := d.syncer(ctx, s, tenant, "none", "run", "users")
		if err != nil {
			return rows, err
		}
		rows = append(rows, atMost(run.name, fmt.Sprintf("requests ÷ (rows/100), %s users, %s shared timestamps", thousands(users), with),
			float64(e.summary.Requests)/pages, run.most, "", fmt.Sprintf("%d requests, the one for a token included", e.summary.Requests)))
	}
	return rows, nil
}

// measureParents reads many organizations with few members each.
func measureParents(ctx context.Context, l *lab) (rows []row, err error) {
	n := l.rows(100_000)
	s, stop, err := l.ownSimulator(ctx, "-users", "3000", "-organizations", strconv.Itoa(n), "-members", "3", "-orderly")
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
	return []row{
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
