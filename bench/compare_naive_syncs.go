package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"logto-syncer/internal/pgquery"
)

// A naiveSync is a program that somebody would write in an afternoon: see runNaiveSync.
type naiveSync struct{ name, way string }

var naiveSyncs = []naiveSync{{"(a) pages, an upsert a row", upsertRows}, {"(b) pages, COPY, on conflict do update", copyAndMerge}}

// runNaiveSyncProcess runs a peer on a table of its own.
func (d *database) runNaiveSyncProcess(ctx context.Context, s simulator, p naiveSync) (*processResult, error) {
	if _, err := d.Exec(ctx, "drop table if exists plain_users"); err != nil {
		return nil, err
	}
	return runProcess(ctx, os.Args[0], []string{pageWalkSubcommand, p.way}, d.processEnv(s))
}

// measureNaiveSyncs measures first reads, beside what a user would write instead.
func measureNaiveSyncs(ctx context.Context, h *harness) (results []result, err error) {
	for _, size := range []struct {
		users   int
		seconds float64
		peers   []naiveSync
	}{{50_000, 4.5, naiveSyncs}, {200_000, 9, nil}} {
		some, err := measureFirstRead(ctx, h, h.scaled(size.users), size.seconds, size.peers)
		results = append(results, some...)
		if err != nil {
			return results, err
		}
	}
	losses, err := measureTieLosses(ctx, h)
	return append(results, losses...), err
}

func measureFirstRead(ctx context.Context, h *harness, users int, seconds float64, peers []naiveSync) ([]result, error) {
	command := h.simulateCommand("--users", strconv.Itoa(users), "--latency", "5ms")
	return withSimulatorAndDatabase(ctx, h, command, func(s simulator, d *database) ([]result, error) {
		method := thousands(users) + " users from `syncer simulate --latency 5ms`, no limit, to published"
		r, err := d.run(ctx, s, "first-read", "users")
		if err != nil {
			return nil, err
		}
		results := []result{
			atMost("seconds, "+thousands(users)+" users", method, r.summary.Seconds, seconds, " s", fmt.Sprintf("%.1f s with the indexes for analysts, created once after that", r.seconds)),
			atMost("memory, "+thousands(users)+" users", method, r.memory, 69, " MB", ""),
		}
		for _, p := range peers {
			r, err := d.runNaiveSyncProcess(ctx, s, p)
			if err != nil {
				return nil, err
			}
			results = append(results, informational(p.name, "the same tenant; a refresh takes the same again", r.seconds, " s",
				fmt.Sprintf("%.0f MB, readers see half of it", r.memory)))
		}
		return results, nil
	})
}

// measureTieLosses counts the users that the peers lose if users share timestamps,
// beside those that syncer loses.
func measureTieLosses(ctx context.Context, h *harness) ([]result, error) {
	users := h.scaled(20_000)
	method := "users missing afterwards of " + thousands(users) + ", half of them from 8 imports that share a timestamp; nothing was written meanwhile"
	return withSimulatorAndDatabase(ctx, h, h.simulateCommand("--users", strconv.Itoa(users), "--ties"), func(s simulator, d *database) (results []result, err error) {
		missing := func(table string) (float64, error) {
			return pgquery.Value[float64](ctx, d, "count users", "select $1 - count(*)::float8 from "+table, users)
		}
		for _, p := range naiveSyncs {
			if _, err := d.runNaiveSyncProcess(ctx, s, p); err != nil {
				return nil, err
			}
			n, err := missing("plain_users")
			if err != nil {
				return nil, err
			}
			results = append(results, informational("lost by "+p.name, method, n, "", "and it reports success"))
		}
		if _, err := d.run(ctx, s, "ties", "users"); err != nil {
			return nil, err
		}
		n, err := missing("logto.users")
		return append(results, atMost("lost by syncer", method, n, 0, "", "proved by the certificate")), err
	})
}
