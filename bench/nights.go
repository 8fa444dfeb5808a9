package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
)

// A night is what a run of the users cost.
type night struct{ seconds, wal, cpu float64 }

// nightly is a night without changes, and one after 1 % of the users changed.
type nightly struct{ quiet, busy night }

// twoNights runs the users unchanged and changed.
func (c *crowd) twoNights(ctx context.Context, what string) (n nightly, err error) {
	if n.quiet, err = c.nightOf(ctx); err != nil {
		return n, err
	}
	change := url.Values{"users": {strconv.Itoa(c.users / 100)}, "what": {what}}
	if err := c.ask(ctx, "/change", change); err != nil {
		return n, err
	}
	n.busy, err = c.nightOf(ctx)
	return n, err
}

func (c *crowd) nightOf(ctx context.Context) (night, error) {
	e, wal, cpu, err := c.night(ctx, c.simulated, acme)
	if err != nil {
		return night{}, err
	}
	c.from = c.to
	err = c.QueryRow(ctx, "select max(published_at) from syncer.runs").Scan(&c.to)
	return night{e.summary.Seconds, float64(wal), cpu}, err
}

// compareNights is what the indexes for analysts add to a run.
func compareNights(users int, with, without nightly) []row {
	one := func(changed string, with, without night) row {
		return row{
			what: "indexes for analysts, " + changed, how: "seconds of a run of " + thousands(users) + " users with them ÷ without",
			value: with.seconds / without.seconds, unit: " ×", noBar: true,
			detail: fmt.Sprintf("%.1f s, %.2f MB of WAL, %.2f processor seconds of Postgres; %.1f s, %.2f MB, %.2f s without",
				with.seconds, with.wal/1e6, with.cpu, without.seconds, without.wal/1e6, without.cpu),
		}
	}
	return []row{
		one("nothing changed", with.quiet, without.quiet),
		one("1 % changed", with.busy, without.busy),
	}
}
