// Package mirror runs one job on one tenant from end to end: it walks the
// listings, stages what is new or changed, closes what the rows refer to, and
// publishes all of it in one transaction with the certificates. It is the one
// package that knows extract, load and state; they do not know each other.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/state"
)

// A Job is one tenant to be brought up to date.
type Job struct {
	Tenant   string // its name, the tenant_id of its rows
	Name     string // the job in jobs.yaml; empty without one
	Endpoint string
	Listings []*catalog.Listing // in the order of the catalog
	// Afresh reads everything as if for the first time.
	Afresh bool
	// Changes reads what changed since the last run, and proves nothing. Such a run
	// yields to every other run of the tenant, and is not resumed.
	Changes bool
	// ResumeWithin is how old an unfinished run may be to be resumed;
	// 0 begins afresh.
	ResumeWithin time.Duration
	// Guard says whether so many rows of so many may leave a table; nil lets
	// any number leave.
	Guard func(leaving, rows int64) bool
	// Privacy says what is not stored; it has passed its Check.
	Privacy load.Privacy
	// NoHistory are tables that keep none.
	NoHistory map[string]bool
	// Retention is how long history is kept; 0 keeps it.
	Retention time.Duration
}

// A Runner runs jobs. Its fields are set before the first and not changed.
type Runner struct {
	Pool   *pgxpool.Pool
	Client *logto.Client
	Log    *slog.Logger
	// Progress receives every page; nil receives none.
	Progress func(extract.Progress)
	// Version is the program's. A run is resumed only by the same version: another
	// may read its checkpoints otherwise.
	Version string
	// PageSize is how many rows a page has; 0: the most the API allows. Smaller
	// pages are for tests.
	PageSize int
	// Stop, once closed, ends a run after the pages that are on their way, so
	// that it can be resumed.
	Stop <-chan struct{}
}

// GuardError says that a run would have deleted more than it may, or that the
// endpoint answers for another tenant than last time.
type GuardError struct {
	Tables      []load.TableDeletions
	OtherTenant bool
}

func (e *GuardError) Error() string {
	if e.OtherTenant {
		return "nothing was published, for the endpoint answers for another tenant than last time: of the users or organizations the mirror has, not one is there; " +
			"if the tenant was really made anew, run once with --allow-mass-delete"
	}
	tables := make([]string, len(e.Tables))
	for i, t := range e.Tables {
		tables[i] = fmt.Sprintf("%d of %d in %s", t.Deleted, t.Rows, t.Table)
	}
	return "nothing was published, for more rows would be deleted than max_delete allows: " + strings.Join(tables, ", ") + "; if the tenant really lost them, run once with --allow-mass-delete"
}

// ErrNoProof says that a run of changes has nothing to go on from.
var ErrNoProof = errors.New("no run has proved any of the job's listings yet, so changes cannot be followed; run a job without `read: changes` first")

// Run runs a job. The summary is whole when the error is nil, and tells what
// is known otherwise. Errors a caller may want to tell apart: state.ErrLocked,
// ErrNoProof, extract.ErrStopped, *GuardError, *logto.Error. A run of changes that
// yields to another run ends without an error, with the status state.Yielded.
func (r *Runner) Run(ctx context.Context, job Job) (s Summary, err error) {
	began := time.Now()
	s = Summary{Type: "summary", Tenant: job.Tenant, Status: state.Failed, Resumable: true}
	defer func() {
		if err != nil || s.PublishedAt == nil {
			s.setEffort(r.Client.Stats(), time.Since(began))
		}
	}()

	// Where many processes share a database, it may have no connection left.
	lock, err := withRetry(ctx, r.Log, func() (*state.TenantLock, error) { return state.AcquireTenantLock(ctx, r.Pool, job.Tenant) })
	if err != nil {
		s.Resumable = false
		if job.Changes && errors.Is(err, state.ErrLocked) {
			s.Status, s.YieldsTo, err = state.Yielded, "another run is working on the tenant", nil
		}
		return s, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	held := make(chan struct{})
	go func() {
		defer close(held)
		if err := lock.KeepHeld(ctx, 2*time.Second); err != nil {
			cancel(err)
		}
	}()
	defer func() {
		cancel(nil)
		<-held
		lock.Release()
	}()

	if job.Changes {
		if err := r.narrowChangesJobOrYield(ctx, &job, &s); err != nil || s.Status == state.Yielded {
			return s, err
		}
	}
	endRequests, err := r.BeginRequests(ctx, job)
	if err == nil {
		err = r.runLocked(ctx, job, &s, began)
		endRequests()
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return s, err
}

// BeginRequests tells the client how long the tenant has rested, and notes that it is
// endRequests until endRequests is called. The caller holds the tenant's lock. If the end
// cannot be noted, the next run waits as if this one had died just then.
func (r *Runner) BeginRequests(ctx context.Context, job Job) (endRequests func(), err error) {
	ago, err := withRetry(ctx, r.Log, func() (time.Duration, error) { return state.BeginRequests(ctx, r.Pool, job.Tenant, job.Endpoint) })
	if err != nil {
		return nil, err
	}
	r.Client.SetTimeSinceLastRequest(ago)
	ctx, cancel := cleanupContext(ctx)
	return func() {
		defer cancel()
		_ = state.EndRequests(ctx, r.Pool, job.Tenant)
	}, nil
}

// runLocked is Run under the lock.
func (r *Runner) runLocked(ctx context.Context, job Job, s *Summary, began time.Time) error {
	a, err := withRetry(ctx, r.Log, func() (*attempt, error) { return r.begin(ctx, job) })
	if err != nil {
		return err
	}
	s.RunID, s.Resumed = a.run.ID, a.run.Resumed()
	defer func() {
		limit := a.walker.IDBatchSizer.Limit()
		s.IDBatchLimit = NewIDBatchLimitReport(limit.IDs, limit.Status)
	}()
	cleanup, endCleanup := cleanupContext(ctx)
	defer endCleanup()
	stopRecording := a.recordServerWaits(ctx)
	defer stopRecording()
	stopReporting := a.reportLockWaits(ctx)
	defer stopReporting()
	err = a.attempt(ctx, s, began)
	for range maxRereads {
		if !errors.Is(err, errRowsLost) {
			break
		}
		r.Log.WarnContext(ctx, "the database has lost rows of this run, reading them again", "tenant", job.Tenant, "run", a.run.ID)
		if err = a.resumeAfterRowsLost(ctx); err == nil {
			err = a.attempt(ctx, s, began)
		}
	}
	if err != nil {
		return a.fail(cleanup, s, err, began)
	}
	s.setEffort(a.client.Stats(), time.Since(began))
	a.analyze(ctx)
	return nil
}

// maxRereads bounds how often a run reads again what the database has lost.
const maxRereads = 3

// attempt walks, closes and publishes.
func (a *attempt) attempt(ctx context.Context, s *Summary, began time.Time) error {
	if a.job.Changes {
		return a.attemptChanges(ctx, s, began)
	}
	proofs, err := a.walk(ctx)
	if err == nil {
		err = a.fetchReferences(ctx, proofs)
	}
	if err == nil {
		downgradeChildren(a.job.Listings, proofs)
		err = a.publish(ctx, proofs, s, began)
	}
	return err
}

// resumeAfterRowsLost goes on from what the database has kept.
func (a *attempt) resumeAfterRowsLost(ctx context.Context) error {
	if err := a.openStage(ctx, a.stage.Loader); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		n, err := a.run.CountCheckpointsFromSequence(ctx, tx, int64(a.run.Attempt)<<attemptBits)
		a.sink.committed.Store(n)
		return err
	})
}

// fail records why the attempt ended, as far as the database can be reached.
func (a *attempt) fail(ctx context.Context, s *Summary, cause error, began time.Time) error {
	var guard *GuardError
	switch {
	case errors.As(cause, &guard):
		s.Status, s.Resumable = state.Refused, false
	case errors.Is(cause, state.ErrRunTaken):
		s.Resumable = false
	case errors.Is(cause, extract.ErrStopped), errors.Is(cause, context.Canceled):
		s.Status = state.Stopped
	}
	s.Error = cause.Error()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		ours, err := a.run.Finish(ctx, tx, s.Status, time.Time{}, cause, effortFrom(a.client.Stats(), time.Since(began)))
		if err != nil || !ours || s.Status != state.Refused {
			return err
		}
		return clearRun(ctx, tx, a.run.Tenant, a.run.ID)
	})
	return errors.Join(cause, err)
}
