package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
)

// measureField takes the time of what others were measured at, and of what a
// user would write instead.
func measureField(ctx context.Context, l *lab) (rows []row, err error) {
	for _, run := range []struct {
		users   int
		seconds float64
		others  bool
	}{{50_000, 4.5, true}, {200_000, 9, false}} {
		some, err := fieldOf(ctx, l, l.rows(run.users), run.seconds, run.others)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	losses, err := lossesOf(ctx, l)
	return append(rows, losses...), err
}

func fieldOf(ctx context.Context, l *lab, users int, seconds float64, others bool) (rows []row, err error) {
	s, stop, err := l.syncerSimulate(ctx, "--users", strconv.Itoa(users), "--latency", "5ms")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.drop(ctx)) }()
	how := thousands(users) + " users from `syncer simulate --latency 5ms`, no limit, to published"
	e, err := d.syncer(ctx, s, "field", "none", "run", "users")
	if err != nil {
		return nil, err
	}
	rows = append(rows,
		atMost("seconds, "+thousands(users)+" users", how, e.summary.Seconds, seconds, " s", fmt.Sprintf("%.1f s with the indexes for analysts, made once after that", e.seconds)),
		atMost("memory, "+thousands(users)+" users", how, e.rss, 69, " MB", ""))
	if !others {
		return rows, nil
	}
	for _, c := range comparisons() {
		e, err := d.compare(ctx, s, c)
		if err != nil {
			return rows, err
		}
		rows = append(rows, row{
			what: c.name, how: "the same tenant, a refresh costs it the same again", value: e.seconds, unit: " s", noBar: true,
			detail: fmt.Sprintf("%.0f MB, readers see half of it", e.rss),
		})
	}
	return rows, nil
}

// A comparison is a program somebody would write in an afternoon.
type comparison struct{ name, program string }

func comparisons() []comparison {
	return []comparison{
		{"(a) pages, an upsert a row", "bench-upsert"},
		{"(b) pages, COPY, on conflict do update", "bench-copymerge"},
	}
}

func (d *database) compare(ctx context.Context, s simulated, c comparison) (*effort, error) {
	if _, err := d.Exec(ctx, "drop table if exists plain_users"); err != nil {
		return nil, err
	}
	return measure(ctx, filepath.Join(d.lab.bin, c.program), nil, d.environment(s))
}

// lossesOf counts what the plain programs lose of a tenant whose users share
// timestamps, beside what syncer loses.
func lossesOf(ctx context.Context, l *lab) (rows []row, err error) {
	users := l.rows(20_000)
	s, stop, err := l.syncerSimulate(ctx, "--users", strconv.Itoa(users), "--ties")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.drop(ctx)) }()
	how := "users missing afterwards of " + thousands(users) + ", half of them from 8 imports that share a timestamp; nothing was writing"
	lost := func(table string) (float64, error) {
		var n int
		err := d.QueryRow(ctx, "select count(*) from "+table).Scan(&n)
		return float64(users - n), err
	}
	for _, c := range comparisons() {
		if _, err := d.compare(ctx, s, c); err != nil {
			return rows, err
		}
		n, err := lost("plain_users")
		if err != nil {
			return rows, err
		}
		rows = append(rows, row{what: "lost by " + c.name, how: how, value: n, noBar: true, detail: "and says it succeeded"})
	}
	if _, err := d.syncer(ctx, s, "ties", "none", "run", "users"); err != nil {
		return rows, err
	}
	n, err := lost("logto.users")
	return append(rows, atMost("lost by syncer", how, n, 0, "", "proved by the certificate")), err
}
