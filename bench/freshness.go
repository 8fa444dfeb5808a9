package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"logto-syncer/bench/host"
	"logto-syncer/internal/pgquery"
)

// Changes that are dated, and for how long.
const (
	stampedPerSecond = 5
	stampedFor       = 3 * time.Minute
)

// measureFreshness lets serve follow a tenant and measures how old changes are
// when readers first see them.
func measureFreshness(ctx context.Context, h *harness) ([]result, error) {
	users := h.scaled(20_000)
	options := simulatorOptions{Users: users, Organizations: 200, Orderly: true}
	return withSimulatorAndDatabase(ctx, h, options.command(), func(s simulator, d *database) ([]result, error) {
		if _, err := d.run(ctx, s, acme, "followed"); err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, filepath.Join(h.bin, "syncer"), "--json", "--quiet", "--config", h.configPath(), "serve", "--listen", "127.0.0.1:0")
		cmd.Env = d.processEnv(s)
		cmd.Stderr = os.Stderr
		serve, err := host.StartReadyProcess(cmd, new(struct{}))
		if err != nil {
			return nil, err
		}
		ages, made, err := d.measureChangeAges(ctx, s)
		if err := errors.Join(err, serve.Stop()); err != nil {
			return nil, err
		}
		return []result{
			atMost("freshness", fmt.Sprintf("%s users, a run of changes every 30 s, %d changes a second for %s: age of a change when readers see it, 95th percentile",
				thousands(users), stampedPerSecond, stampedFor), host.Percentile(ages, 95), 60, " s", fmt.Sprintf("%d changes", len(ages))),
			atLeast("freshness: changes seen", "part of these changes that readers saw; others were replaced by a later one first", 100*float64(len(ages))/float64(made), 85, " %",
				fmt.Sprintf("%d of %d", len(ages), made)),
		}, nil
	})
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
			if err := s.change(ctx, stampedPerSecond, stamped); err != nil {
				return nil, 0, err
			}
			made += stampedPerSecond
		}
		names, err := pgquery.Column[string](ctx, d, "look for changes", sql, acme, stamp+"%")
		if err != nil {
			return nil, 0, err
		}
		now := time.Now()
		for _, name := range names {
			var at int64
			if _, err := fmt.Sscanf(name, stamp+"%d ", &at); err == nil && !seen[name] {
				seen[name] = true
				ages = append(ages, now.Sub(time.UnixMilli(at)).Seconds())
			}
		}
		if err := host.Sleep(ctx, time.Second); err != nil {
			return nil, 0, err
		}
	}
	return ages, made, nil
}
