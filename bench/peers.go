package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
)

// A peer is a program that somebody would write in an afternoon: see runPageWalk.
type peer struct{ name, way string }

func peers() []peer {
	return []peer{{"(a) pages, an upsert a row", upsertRows}, {"(b) pages, COPY, on conflict do update", copyAndMerge}}
}

// runPeer runs a peer on a table of its own.
func (d *database) runPeer(ctx context.Context, s simulator, p peer) (*processResult, error) {
	if _, err := d.Exec(ctx, "drop table if exists plain_users"); err != nil {
		return nil, err
	}
	return runProcess(ctx, os.Args[0], []string{pageWalkSubcommand, p.way}, d.processEnv(s))
}

// measurePeers measures first reads, beside what a user would write instead.
func measurePeers(ctx context.Context, h *harness) (results []result, err error) {
	for _, size := range []struct {
		users   int
		seconds float64
		peers   []peer
	}{{50_000, 4.5, peers()}, {200_000, 9, nil}} {
		some, err := measureFirstRead(ctx, h, h.scaled(size.users), size.seconds, size.peers)
		results = append(results, some...)
		if err != nil {
			return results, err
		}
	}
	losses, err := measureTieLosses(ctx, h)
	return append(results, losses...), err
}

func measureFirstRead(ctx context.Context, h *harness, users int, seconds float64, peers []peer) (results []result, err error) {
	command := h.simulateCommand("--users", strconv.Itoa(users), "--latency", "5ms")
	err = h.withTenant(ctx, command, func(s simulator, d *database) error {
		method := thousands(users) + " users from `syncer simulate --latency 5ms`, no limit, to published"
		r, err := d.syncer(ctx, s, "first-read", "none", "run", "users")
		if err != nil {
			return err
		}
		results = []result{
			atMost("seconds, "+thousands(users)+" users", method, r.summary.Seconds, seconds, " s", fmt.Sprintf("%.1f s with the indexes for analysts, created once after that", r.seconds)),
			atMost("memory, "+thousands(users)+" users", method, r.memory, 69, " MB", ""),
		}
		for _, p := range peers {
			r, err := d.runPeer(ctx, s, p)
			if err != nil {
				return err
			}
			results = append(results, informational(p.name, "the same tenant; a refresh takes the same again", r.seconds, " s",
				fmt.Sprintf("%.0f MB, readers see half of it", r.memory)))
		}
		return nil
	})
	return results, err
}

// measureTieLosses counts the users that the peers lose if users share timestamps,
// beside those that syncer loses.
func measureTieLosses(ctx context.Context, h *harness) (results []result, err error) {
	users := h.scaled(20_000)
	method := "users missing afterwards of " + thousands(users) + ", half of them from 8 imports that share a timestamp; nothing was written meanwhile"
	err = h.withTenant(ctx, h.simulateCommand("--users", strconv.Itoa(users), "--ties"), func(s simulator, d *database) error {
		missing := func(table string) (n float64, err error) {
			err = d.QueryRow(ctx, "select $1 - count(*) from "+table, users).Scan(&n)
			return n, err
		}
		for _, p := range peers() {
			if _, err := d.runPeer(ctx, s, p); err != nil {
				return err
			}
			n, err := missing("plain_users")
			if err != nil {
				return err
			}
			results = append(results, informational("lost by "+p.name, method, n, "", "and it reports success"))
		}
		if _, err := d.syncer(ctx, s, "ties", "none", "run", "users"); err != nil {
			return err
		}
		n, err := missing("logto.users")
		results = append(results, atMost("lost by syncer", method, n, 0, "", "proved by the certificate"))
		return err
	})
	return results, err
}
