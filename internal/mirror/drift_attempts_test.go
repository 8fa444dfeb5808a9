package mirror_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// attempts runs the job, breaking it off up to twice at a random request: the
// next attempt is made on a tenant that has changed meanwhile, and maybe with
// other pages, by another version of the program, or after one at the endpoint
// of another tenant. The last attempt may lose its lock to another process.
func (d *drift) attempts(ctx context.Context) (mirror.Summary, error) {
	cure := d.poison()
	defer func() { cure() }()
	for range 2 {
		if d.draw("broken off", 3) > 0 {
			break
		}
		broken, cancel := context.WithCancel(ctx)
		d.breakAfter(1+d.draw("broken off after", 80), cancel)
		s, err := d.runOnce(broken, *d.runner, d.job)
		d.breakAfter(0, nil)
		cancel()
		if err == nil || broken.Err() == nil || errors.Is(err, errPromise) {
			return s, err
		}
		d.log = append(d.log, "(broken off)")
		switch d.draw("between attempts", 8) {
		case 0:
			d.runner.PageSize = []int{5, 10, 20, 100}[d.draw("next page size", 4)]
		case 1:
			d.runner.Version += "+"
		case 2:
			if err := d.readDecoy(ctx, 1+d.draw("requests to the decoy", 8)); err != nil {
				return s, err
			}
		case 3:
			cure()
			cure = d.poison()
		case 4:
			d.changeRules()
		}
	}
	if d.draw("another process", 4) == 0 {
		return d.rivals(ctx)
	}
	return d.runOnce(ctx, *d.runner, d.job)
}

// errPromise says that an attempt broke the promise.
var errPromise = errors.New("the promise is broken")

// breakAfter calls f at the n-th request, or statement, from now on.
func (d *drift) breakAfter(n int, f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.breakIn, d.breakOff = n, f
}

// runOnce makes one attempt, and holds it to the run being resumed only for what
// it began with.
func (d *drift) runOnce(ctx context.Context, r mirror.Runner, job mirror.Job) (mirror.Summary, error) {
	s, err := r.Run(ctx, job)
	spec := fmt.Sprint(r.PageSize, " ", r.Version, " ", job.Endpoint, " ", job.Privacy.Rules)
	d.mu.Lock()
	defer d.mu.Unlock()
	if began, ok := d.specs[s.RunID]; ok && began != spec && s.RunID != 0 {
		return s, fmt.Errorf("%w: a run of %q was resumed for %q", errPromise, began, spec)
	}
	d.specs[s.RunID] = spec
	return s, err
}

// poison makes some rows such that the server cannot send them.
func (d *drift) poison() (cure func()) {
	var ids []string
	if d.draw("poison", 5) == 0 {
		for _, table := range []string{"users", "organizations", "roles"} {
			rows := d.server.Tenant.Rows(table)
			if n := d.draw("poisoned row", 30); n < len(rows) {
				ids = append(ids, rows[n]["id"].(string))
			}
		}
	}
	for _, id := range ids {
		d.server.FailOnRow(id)
		d.log = append(d.log, "(cannot be sent: "+id+")")
	}
	return func() {
		for _, id := range ids {
			d.server.RepairRow(id)
		}
	}
}

// rivals makes an attempt that loses its lock at a random request to another
// process. Both go on. It returns what the last to publish came to.
func (d *drift) rivals(ctx context.Context) (mirror.Summary, error) {
	var second sync.WaitGroup
	var other mirror.Summary
	otherErr := errNoRival
	d.breakAfter(1+d.draw("lock lost after", 80), func() {
		second.Go(func() {
			if err := stealLock(ctx, d.pool, d.job.Tenant); err != nil {
				return // the first is done
			}
			other, otherErr = d.runOnce(ctx, *d.runner, d.job)
		})
	})
	s, err := d.runOnce(ctx, *d.runner, d.job)
	d.breakAfter(0, nil)
	second.Wait()
	if err != nil && !errors.Is(err, state.ErrLocked) || errors.Is(otherErr, errNoRival) || errors.Is(otherErr, state.ErrLocked) {
		return s, err
	}
	d.log = append(d.log, fmt.Sprintf("(two processes: %v, %v)", err, otherErr))
	if err == nil {
		if err := contradictions(s); err != nil {
			return s, err
		}
	}
	return other, otherErr
}

var errNoRival = errors.New("no other process")

// decoyServer is another tenant's.
func (d *drift) decoyServer() *logtotest.Server {
	if d.decoy == nil {
		d.decoy = logtotest.Start(logtotest.Generate(logtotest.Options{Users: 40, Organizations: 8, Seed: d.seed + 1}), logtotest.WithVersion(d.version))
	}
	return d.decoy
}

func (d *drift) decoyClient() (*logto.Client, error) {
	server := d.decoyServer()
	return logto.New(logto.Config{
		Endpoint: server.URL, Resource: server.Resource, AppID: server.AppID, AppSecret: server.AppSecret,
		InitialBackoff: time.Millisecond, RetryTimeout: 5 * time.Second,
	})
}

// readDecoy makes an attempt at another tenant's endpoint, which is broken off.
func (d *drift) readDecoy(ctx context.Context, after int) error {
	client, err := d.decoyClient()
	if err != nil {
		return err
	}
	defer client.Close()
	broken, cancel := context.WithCancel(ctx)
	defer cancel()
	until := d.decoy.Counters().Requests + after
	d.decoy.OnRequest(func(n int, _ *http.Request) {
		if n > until {
			cancel()
		}
	})
	defer d.decoy.OnRequest(nil)
	r, job := *d.runner, d.job
	r.Client, job.Endpoint = client, d.decoy.URL
	if _, err := d.runOnce(broken, r, job); err == nil || errors.Is(err, errPromise) {
		return fmt.Errorf("the attempt at another tenant: %w", err)
	}
	d.log = append(d.log, "(broken off at another tenant)")
	return nil
}

// impostor runs the job to its end on a tenant other than the one mirrored, at
// its endpoint or another, and expects to be refused.
func (d *drift) impostor(ctx context.Context) error {
	moved := d.draw("at another endpoint", 2) == 0
	least := map[bool]int{true: 1, false: 5}[moved]
	var known int
	if err := d.pool.QueryRow(ctx, "select count(*) from logto.users where tenant_id = $1", d.job.Tenant).Scan(&known); err != nil || known < least {
		return err
	}
	client, err := d.decoyClient()
	if err != nil {
		return err
	}
	defer client.Close()
	if d.draw("unproved", 2) == 0 {
		id := userIDs(d.decoy.Tenant)[d.draw("unproved user", 20)]
		d.decoy.FailOnRow(id)
		defer d.decoy.RepairRow(id)
	}
	r, job := *d.runner, d.job
	r.Client, job.Guard = client, func(int64, int64) bool { return true }
	if moved {
		job.Endpoint = d.decoy.URL
	}
	_, err = d.runOnce(ctx, r, job)
	var guard *mirror.GuardError
	if !errors.As(err, &guard) || !guard.OtherTenant {
		return errors.Join(fmt.Errorf("%w: a run at another tenant's endpoint was not refused", errPromise), err)
	}
	return nil
}

// holdsNoDecoy checks that nobody of the other tenant is in the mirror.
func (d *drift) holdsNoDecoy(ctx context.Context) error {
	if d.decoy == nil {
		return nil
	}
	var n int
	const sql = "select count(*) from logto.users where tenant_id = $1 and id = any($2)"
	err := d.pool.QueryRow(ctx, sql, d.job.Tenant, userIDs(d.decoy.Tenant)).Scan(&n)
	if err == nil && n > 0 {
		err = fmt.Errorf("%d users of another tenant are in the mirror", n)
	}
	return err
}
