package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"logto-syncer/bench/host"
)

const cloudLimit = "{requests: 200, per: 10s}"

// measureChangesRun reads what a thousand changes of a large tenant have left, at
// the limit of Logto Cloud, and refreshes the same tenant to compare.
func measureChangesRun(ctx context.Context, h *harness) (results []result, err error) {
	users := h.scaled(1_000_000)
	command := benchSimulatorCommand("-users", strconv.Itoa(users), "-organizations", "100", "-orderly")
	err = h.withTenant(ctx, command, func(s simulator, d *database) error {
		if _, err := d.syncer(ctx, s, acme, "none", "run", "followed"); err != nil {
			return err
		}
		if err := s.post(ctx, "/change", url.Values{"users": {"1000"}, "what": {mixed}}); err != nil {
			return err
		}
		if err := s.post(ctx, "/like-cloud", nil); err != nil {
			return err
		}
		if err := sleep(ctx, 11*time.Second); err != nil { // what the first read sent counts no more
			return err
		}
		changes, err := d.syncer(ctx, s, acme, cloudLimit, "run", "fresh")
		if err != nil {
			return err
		}
		// Feeds are read from two minutes before: until then, the changes are read again.
		if err := sleep(ctx, 150*time.Second); err != nil {
			return err
		}
		quiet, err := d.quietRuns(ctx, s)
		if err != nil {
			return err
		}
		if err := sleep(ctx, 11*time.Second); err != nil {
			return err
		}
		refresh, err := d.syncer(ctx, s, acme, cloudLimit, "run", "users")
		if err != nil {
			return err
		}
		method := thousands(users) + " users, 1,000 changes (sign-ins, sign-ups, edits, deletions) since the last run"
		results = append([]result{
			atMost("changes: requests", method, float64(changes.summary.Requests), 60, "", fmt.Sprintf("a refresh: %d", refresh.summary.Requests)),
			atMost("changes: time", method+", at the limit of Logto Cloud, responses after 50-400 ms: seconds ÷ those of a refresh",
				changes.summary.Seconds/refresh.summary.Seconds, 0.02, "", fmt.Sprintf("%.1f s, %.1f s", changes.summary.Seconds, refresh.summary.Seconds)),
			atMost("changes: memory", method+": peak of the process", changes.memory, 64, " MB", ""),
		}, quiet...)
		return nil
	})
	return results, err
}

// quietRunCount is how many runs of changes nothing has changed for.
const quietRunCount = 9

// quietRuns reads the changes of a tenant that has none.
func (d *database) quietRuns(ctx context.Context, s simulator) ([]result, error) {
	if _, err := d.syncer(ctx, s, acme, cloudLimit, "run", "fresh"); err != nil { // which forgets the changes
		return nil, err
	}
	var requests, rows, wal []float64
	for range quietRunCount {
		before, err := d.walPosition(ctx)
		if err != nil {
			return nil, err
		}
		r, err := d.syncer(ctx, s, acme, cloudLimit, "run", "fresh")
		if err != nil {
			return nil, err
		}
		after, err := d.walPosition(ctx)
		if err != nil {
			return nil, err
		}
		n := int64(0)
		for _, c := range r.summary.Changed {
			n += c.Inserted + c.Updated + c.Deleted
		}
		requests, rows, wal = append(requests, float64(r.summary.Requests)), append(rows, float64(n)), append(wal, float64(after-before)/1000)
	}
	method := fmt.Sprintf("a run of changes when nothing has changed: most of %d", quietRunCount)
	return []result{
		atMost("quiet minute: requests", method+", that for a token included", slices.Max(requests), 6, "", ""),
		atMost("quiet minute: rows", method, slices.Max(rows), 0, "", "rows of the mirror"),
		atMost("quiet minute: WAL", "a run of changes when nothing has changed: median", host.Median(wal), 32, " kB", fmt.Sprintf("%.0f", wal)),
	}, nil
}

// Changes that are dated, and for how long.
const (
	stampedPerSecond = 5
	stampedFor       = 3 * time.Minute
)

// measureFreshness lets serve follow a tenant and measures how old changes are
// when readers first see them.
func measureFreshness(ctx context.Context, h *harness) (results []result, err error) {
	users := h.scaled(20_000)
	command := benchSimulatorCommand("-users", strconv.Itoa(users), "-organizations", "200", "-orderly")
	err = h.withTenant(ctx, command, func(s simulator, d *database) error {
		if _, err := d.syncer(ctx, s, acme, "none", "run", "followed"); err != nil {
			return err
		}
		stop, err := d.serve(ctx, s)
		if err != nil {
			return err
		}
		ages, made, err := d.measureChangeAges(ctx, s)
		if err := errors.Join(err, stop()); err != nil {
			return err
		}
		slices.Sort(ages)
		p95 := 0.0
		if len(ages) > 0 {
			p95 = ages[len(ages)*95/100]
		}
		results = []result{
			atMost("freshness", fmt.Sprintf("%s users, a run of changes every 30 s, %d changes a second for %s: age of a change when readers see it, 95th percentile",
				thousands(users), stampedPerSecond, stampedFor), p95, 60, " s", fmt.Sprintf("%d changes", len(ages))),
			atLeast("freshness: changes seen", "part of these changes that readers saw; others were replaced by a later one first", 100*float64(len(ages))/float64(made), 85, " %",
				fmt.Sprintf("%d of %d", len(ages), made)),
		}
		return nil
	})
	return results, err
}

// serve starts syncer serve with the file of the last run. stop ends it.
func (d *database) serve(ctx context.Context, s simulator) (stop func() error, err error) {
	cmd := exec.CommandContext(ctx, filepath.Join(d.harness.bin, "syncer"), "--quiet", "--config", filepath.Join(d.harness.Dir, "jobs.yaml"), "serve")
	cmd.Env = d.processEnv(s)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() error {
		err := cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // ends by the signal
		return err
	}, nil
}

// measureChangeAges changes the tenant and returns how old each change was when it was first
// seen in the mirror, in seconds, and how many changes were made. A change that
// another one has replaced before is not seen.
func (d *database) measureChangeAges(ctx context.Context, s simulator) (ages []float64, made int, err error) {
	const sql = `select name from logto.users where tenant_id = $1 and name like $2
union all select name from logto.organizations where tenant_id = $1 and name like $2`
	seen := map[string]bool{}
	end := time.Now().Add(stampedFor)
	last := end.Add(90 * time.Second) // until the last change is there
	for time.Now().Before(last) {
		if time.Now().Before(end) {
			if err := s.post(ctx, "/change", url.Values{"users": {strconv.Itoa(stampedPerSecond)}, "what": {stamped}}); err != nil {
				return nil, 0, err
			}
			made += stampedPerSecond
		}
		rows, err := d.Query(ctx, sql, acme, stamp+"%")
		if err != nil {
			return nil, 0, err
		}
		now := time.Now()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				return nil, 0, err
			}
			text, _, _ := strings.Cut(strings.TrimPrefix(name, stamp), " ")
			at, err := strconv.ParseInt(text, 10, 64)
			if err == nil && !seen[name] {
				seen[name] = true
				ages = append(ages, now.Sub(time.UnixMilli(at)).Seconds())
			}
		}
		if err := rows.Err(); err != nil {
			return nil, 0, err
		}
		if err := sleep(ctx, time.Second); err != nil {
			return nil, 0, err
		}
	}
	return ages, made, nil
}
