package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"logto-syncer/bench/host"
)

const cloudLimit = "{requests: 200, per: 10s}"

// measureChangesRun reads what a thousand changes of a large tenant have left, at
// the limit of Logto Cloud, and refreshes the same tenant to compare.
func measureChangesRun(ctx context.Context, h *harness) ([]result, error) {
	users := h.scaled(1_000_000)
	options := simulatorOptions{Users: users, Organizations: 100, Orderly: true}
	return withSimulatorAndDatabase(ctx, h, options.command(), func(s simulator, d *database) ([]result, error) {
		if _, err := d.run(ctx, s, acme, "followed"); err != nil {
			return nil, err
		}
		if err := s.change(ctx, 1000, mixed); err != nil {
			return nil, err
		}
		if err := s.request(ctx, http.MethodPost, "/like-cloud"); err != nil {
			return nil, err
		}
		d.limit = cloudLimit
		changes, err := d.runAfterPause(ctx, 11*time.Second, s, "fresh") // what the first read sent counts no more
		if err != nil {
			return nil, err
		}
		// Feeds are read from two minutes before: until then, the changes are read
		// again. The run after that forgets them.
		if _, err := d.runAfterPause(ctx, 150*time.Second, s, "fresh"); err != nil {
			return nil, err
		}
		quiet, err := d.quietRuns(ctx, s)
		if err != nil {
			return nil, err
		}
		refresh, err := d.runAfterPause(ctx, 11*time.Second, s, "users")
		if err != nil {
			return nil, err
		}
		method := thousands(users) + " users, 1,000 changes (sign-ins, sign-ups, edits, deletions) since the last run"
		return append([]result{
			atMost("changes: requests", method, float64(changes.summary.Requests), 60, "", fmt.Sprintf("a refresh: %d", refresh.summary.Requests)),
			atMost("changes: time", method+", at the limit of Logto Cloud, responses after 50-400 ms: seconds ÷ those of a refresh",
				changes.summary.Seconds/refresh.summary.Seconds, 0.02, "", fmt.Sprintf("%.1f s, %.1f s", changes.summary.Seconds, refresh.summary.Seconds)),
			atMost("changes: memory", method+": peak of the process", changes.memory, 64, " MB", ""),
		}, quiet...), nil
	})
}

// runAfterPause runs a job of the large tenant after a pause.
func (d *database) runAfterPause(ctx context.Context, pause time.Duration, s simulator, job string) (*processResult, error) {
	if err := host.Sleep(ctx, pause); err != nil {
		return nil, err
	}
	return d.run(ctx, s, acme, job)
}

// quietRunCount is how many runs of changes nothing has changed for.
const quietRunCount = 9

// quietRuns reads the changes of a tenant that has none.
func (d *database) quietRuns(ctx context.Context, s simulator) ([]result, error) {
	var requests, rows, wal []float64
	for range quietRunCount {
		var r *processResult
		written, err := d.walOf(ctx, func() (err error) {
			r, err = d.run(ctx, s, acme, "fresh")
			return err
		})
		if err != nil {
			return nil, err
		}
		n := int64(0)
		for _, c := range r.summary.Changed {
			n += c.Inserted + c.Updated + c.Deleted
		}
		requests, rows, wal = append(requests, float64(r.summary.Requests)), append(rows, float64(n)), append(wal, written/1000)
	}
	method := fmt.Sprintf("a run of changes when nothing has changed: most of %d", quietRunCount)
	return []result{
		atMost("quiet minute: requests", method+", that for a token included", slices.Max(requests), 6, "", ""),
		atMost("quiet minute: rows", method, slices.Max(rows), 0, "", "rows of the mirror"),
		atMost("quiet minute: WAL", "a run of changes when nothing has changed: median", host.Median(wal), 32, " kB", fmt.Sprintf("%.0f", wal)),
	}, nil
}
