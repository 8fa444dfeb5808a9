package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/changes"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/mirror/mirrortest"
	"logto-syncer/internal/state"
)

// followed runs the job for changes up to twice, while the tenant changes or at
// rest. It publishes what was true at some moment after it began, deletes nobody
// who lives, and its positions are those of what was published.
func (d *drift) followed(ctx context.Context) error {
	for n := range d.draw("runs of changes", 3) {
		earlier := d.log
		d.log = []string{"(changes)"}
		if err := d.followOnce(ctx); err != nil {
			return fmt.Errorf("run of changes %d: %w\nchanges:\n%s", n+1, err, strings.Join(append(earlier, d.log...), "\n"))
		}
		d.log = append(earlier, d.log...)
	}
	return nil
}

func (d *drift) followOnce(ctx context.Context) error {
	tenant := d.server.Tenant
	tenant.AdvanceClock(time.Duration(d.draw("seconds later", 90)) * time.Second)
	resting := d.draw("changes under drift", 3) == 0
	if resting {
		tenant.AdvanceClock(time.Minute) // what was delivered has been logged
	}
	before, values := d.truth(), d.values()
	mirrored, err := d.mirroredKeys(ctx, time.Time{})
	if err != nil {
		return err
	}
	s, err := d.followWhile(ctx, resting, values)
	if err != nil || s.Status == state.Yielded {
		return err
	}
	after := d.truth()
	if err := d.publishedTruth(ctx, *s.PublishedAt, before, values); err != nil {
		return err
	}
	if err := d.nobodyAliveDeleted(ctx, mirrored, before, after); err != nil {
		return err
	}
	if resting {
		if err := d.claimsHold(ctx, s, after); err != nil {
			return err
		}
	}
	d.remember(before)
	return d.sound(ctx)
}

// followWhile makes one run of changes, which may be broken off, and records the
// values that the tenant has had meanwhile.
func (d *drift) followWhile(ctx context.Context, resting bool, values map[string]map[string]bool) (mirror.Summary, error) {
	positions, err := state.FeedPositions(ctx, d.pool, d.job.Tenant)
	if err != nil {
		return mirror.Summary{}, err
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	if !resting {
		d.watch()
		d.mu.Lock()
		d.onChange = func() {
			for key, texts := range d.values() {
				maps.Copy(values[key], texts)
			}
		}
		d.mu.Unlock()
		if d.draw("changes broken off", 4) == 0 {
			d.breakAfter(1+d.draw("changes broken off after", 30), cancel)
		}
		end, remove := d.meddle(), d.faults()
		defer func() {
			d.server.OnRequest(nil)
			d.server.BetweenStatements(nil)
			remove()
			end()
			d.breakAfter(0, nil)
			d.mu.Lock()
			d.onChange = nil
			d.mu.Unlock()
		}()
	}
	job := d.job
	job.Changes = true
	s, err := d.runner.Run(running, job)
	if errors.Is(err, mirror.ErrNoProof) {
		return mirror.Summary{Status: state.Yielded}, nil
	}
	if err == nil {
		return s, nil
	}
	now, lookErr := state.FeedPositions(ctx, d.pool, d.job.Tenant)
	if lookErr != nil {
		return s, lookErr
	}
	if s.PublishedAt == nil && fmt.Sprint(now) != fmt.Sprint(positions) {
		return s, fmt.Errorf("the positions have moved and nothing was published: %v, before %v", now, positions)
	}
	if running.Err() != nil {
		return mirror.Summary{Status: state.Yielded}, nil // broken off
	}
	return s, err
}

// named are the tables of which the values of published rows are compared.
var named = []string{"users", "organizations", "roles", "organization_roles", "organization_scopes"}

// values are the names that rows have now, by table and id.
func (d *drift) values() map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, table := range named {
		out[table] = map[string]bool{}
		for _, row := range d.server.Tenant.Rows(table) {
			out[table][fmt.Sprint(row["id"], "=", textOf(row["name"]))] = true
		}
	}
	return out
}

func textOf(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// publishedTruth checks that what a run has published was there, as it is, at
// some moment since it began.
func (d *drift) publishedTruth(ctx context.Context, at time.Time, before map[string]map[string]bool, values map[string]map[string]bool) error {
	published, err := d.mirroredKeys(ctx, at)
	if err != nil {
		return err
	}
	for table, keys := range published {
		for key := range keys {
			if d.past[table][key] && !before[table][key] && !d.touched(key, "add member", "grant a role", "assign role") {
				return fmt.Errorf("%s: %s died before the run of changes began, which has published it", table, key)
			}
		}
	}
	for _, table := range named {
		if _, changed := d.job.Privacy.Rules[table]; changed {
			continue // names may be stored in another form
		}
		rows, err := d.pool.Query(ctx, "select id || '=' || coalesce(name, '') from logto."+table+" where tenant_id = $1 and valid_from = $2", d.job.Tenant, at)
		if err != nil {
			return err
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, text := range texts {
			if !values[table][text] {
				return fmt.Errorf("%s: %q was published and was never so", table, text)
			}
		}
	}
	return nil
}

// nobodyAliveDeleted checks that rows that lived throughout the run and were in
// the mirror still are.
func (d *drift) nobodyAliveDeleted(ctx context.Context, mirrored, before, after map[string]map[string]bool) error {
	now, err := d.mirroredKeys(ctx, time.Time{})
	if err != nil {
		return err
	}
	for table, keys := range mirrored {
		for key := range keys {
			if before[table][key] && after[table][key] && !now[table][key] && !d.touched(key, "take role", "remove member") {
				return fmt.Errorf("%s: %s lives and was deleted by a run of changes", table, key)
			}
		}
	}
	return nil
}

// claimsHold checks that listings that are followed up to now, by events, have
// every row of the tenant at rest, and no other.
func (d *drift) claimsHold(ctx context.Context, s mirror.Summary, truth map[string]map[string]bool) error {
	now, err := d.mirroredKeys(ctx, time.Time{})
	if err != nil {
		return err
	}
	for _, f := range s.Followed {
		current := f.Until.After(d.server.Tenant.Now().Add(-time.Minute))
		if f.Gap != "" || !current || !slices.Contains(f.Sources, changes.HookEvents) && !slices.Contains(f.Sources, changes.WholeList) {
			continue
		}
		if slices.Contains([]string{"role_scopes", "organization_applications"}, f.Listing) {
			continue // what goes with a resource that is deleted is not told
		}
		d.claims++
		for _, diff := range []struct {
			what          string
			these, others map[string]bool
		}{{"lacks", truth[f.Listing], now[f.Listing]}, {"still has", now[f.Listing], truth[f.Listing]}} {
			for key := range diff.these {
				if !diff.others[key] {
					return fmt.Errorf("%s is followed until %s by %v, and %s %s", f.Listing, f.Until, f.Sources, diff.what, key)
				}
			}
		}
	}
	return nil
}

// mirroredKeys returns the keys of every table; with a moment, of the rows that
// were published then.
func (d *drift) mirroredKeys(ctx context.Context, at time.Time) (map[string]map[string]bool, error) {
	out := map[string]map[string]bool{}
	for _, l := range d.job.Listings {
		for _, table := range l.Tables() {
			keys, err := mirrortest.MirroredKeys(ctx, d.pool, d.job.Tenant, table)
			if !at.IsZero() {
				keys, err = mirrortest.KeysPublishedAt(ctx, d.pool, d.job.Tenant, table, at)
			}
			if err != nil {
				return nil, err
			}
			out[table.Name] = keys
		}
	}
	return out, nil
}

// remember keeps keys that were there.
func (d *drift) remember(keys map[string]map[string]bool) {
	for table, keys := range keys {
		if d.past[table] == nil {
			d.past[table] = map[string]bool{}
		}
		maps.Copy(d.past[table], keys)
	}
}
