package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
)

// A night is what a run of the users cost.
type night struct{ seconds, wal, cpu float64 }

// changedNight runs the users after 1 % of them changed.
func (c *crowd) changedNight(ctx context.Context, what string) (night, error) {
	change := url.Values{"users": {strconv.Itoa(c.users / 100)}, "what": {what}}
	if err := c.ask(ctx, "/change", change); err != nil {
		return night{}, err
	}
	e, wal, cpu, err := c.night(ctx, c.simulated, acme)
	if err != nil {
		return night{}, err
	}
	c.from = c.to
	err = c.QueryRow(ctx, "select max(published_at) from syncer.runs").Scan(&c.to)
	return night{e.summary.Seconds, float64(wal), cpu}, err
}

// compareNights is what the indexes for analysts add to a run. To one that
// finds nothing changed they add nothing, for it writes nothing.
func compareNights(users int, with, without night) row {
	return row{
		what: "indexes for analysts, 1 % changed", how: "seconds of a run of " + thousands(users) + " users with them ÷ without",
		value: with.seconds / without.seconds, unit: " ×", noBar: true,
		detail: fmt.Sprintf("%.1f s, %.2f MB of WAL, %.2f processor seconds of Postgres; %.1f s, %.2f MB, %.2f s without",
			with.seconds, with.wal/1e6, with.cpu, without.seconds, without.wal/1e6, without.cpu),
	}
}
