package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
)

// measurePeers takes the time of what others were measured at, and of what a
// user would write instead.
func measurePeers(ctx context.Context, l *harness) (rows []result, err error) {
	for _, run := range []struct {
		users   int
		seconds float64
		others  bool
	}{{50_000, 4.5, true}, {200_000, 9, false}} {
		some, err := measureSpeed(ctx, l, l.scaled(run.users), run.seconds, run.others)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	losses, err := measureLosses(ctx, l)
	return append(rows, losses...), err
}

func measureSpeed(ctx context.Context, l *harness, users int, seconds float64, others bool) (rows []result, err error) {
	s, stop, err := l.startSyncerSimulate(ctx, "--users", strconv.Itoa(users), "--latency", "5ms")
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
	for _, c := range peers() {
		e, err := d.runPeer(ctx, s, c)
		if err != nil {
			return rows, err
		}
		rows = append(rows, result{
			name: c.name, method: "the same tenant, a refresh costs it the same again", value: e.seconds, unit: " s", informational: true,
			detail: fmt.Sprintf("%.0f MB, readers see half of it", e.rss),
		})
	}
	return rows, nil
}

// A peer is a program somebody would write in an afternoon.
type peer struct{ name, program string }

func peers() []peer {
	return []peer{
		{"(a) pages, an upsert a row", "bench-upsert"},
		{"(b) pages, COPY, on conflict do update", "bench-copymerge"},
	}
}

func (d *database) runPeer(ctx context.Context, s simulatorInfo, c peer) (*processResult, error) {
	if _, err := d.Exec(ctx, "drop table if exists plain_users"); err != nil {
		return nil, err
	}
	return runProcess(ctx, filepath.Join(d.lab.bin, c.program), nil, d.environment(s))
}

// measureLosses counts what the plain programs lose of a tenant whose users share
// timestamps, beside what syncer loses.
func measureLosses(ctx context.Context, l *harness) (rows []result, err error) {
	users := l.scaled(20_000)
	s, stop, err := l.startSyncerSimulate(ctx, "--users", strconv.Itoa(users), "--ties")
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
	for _, c := range peers() {
		if _, err := d.runPeer(ctx, s, c); err != nil {
			return rows, err
		}
		n, err := lost("plain_users")
		if err != nil {
			return rows, err
		}
		rows = append(rows, result{name: "lost by " + c.name, method: how, value: n, informational: true, detail: "and says it succeeded"})
	}
	if _, err := d.syncer(ctx, s, "ties", "none", "run", "users"); err != nil {
		return rows, err
	}
	n, err := lost("logto.users")
	return append(rows, atMost("lost by syncer", how, n, 0, "", "proved by the certificate")), err
}
