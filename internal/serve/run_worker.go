package serve

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"logto-syncer/internal/config"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

const (
	runQueue         = "runs"
	changesQueue     = "changes"     // runs that read changes, which are short and must not wait for those that take hours
	maintenanceQueue = "maintenance" // short jobs, which must not wait for runs
)

// runArgs are the arguments of a run: a job of the configuration for one tenant.
type runArgs struct {
	Job    string     `json:"job" river:"unique"`
	Tenant string     `json:"tenant" river:"unique"`
	Due    *time.Time `json:"due,omitempty"` // nil: requested by a user
}

// Kind implements river.JobArgs.
func (runArgs) Kind() string { return "run" }

// unfinishedStates are the states of a job that keep a second one with the same
// arguments out of the queue.
func unfinishedStates() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
		rivertype.JobStateRetryable, rivertype.JobStateScheduled,
	}
}

func runInsertOptions(j config.Job, at time.Time) *river.InsertOpts {
	queue := runQueue
	if j.Read == config.ReadChanges {
		queue = changesQueue
	}
	return &river.InsertOpts{
		Queue: queue, MaxAttempts: j.Retries + 1, ScheduledAt: at,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinishedStates()},
	}
}

// tenantJitter is the part of the jitter that a tenant waits. It is the same each
// time, so that a tenant's runs are as far apart as the schedule says.
func tenantJitter(tenant string, jitter time.Duration) time.Duration {
	if jitter <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(tenant)) // never fails
	return time.Duration(h.Sum64() % uint64(jitter))
}

type runWorker struct {
	river.WorkerDefaults[runArgs]
	server *Server
}

// Timeout is the timeout of the job in the configuration.
func (w *runWorker) Timeout(job *river.Job[runArgs]) time.Duration {
	if _, j, _, ok := w.server.configuredJobAndTenant(job.Args.Job, job.Args.Tenant); ok && j.Timeout > 0 {
		return j.Timeout
	}
	return -1
}

// NextRetry doubles the pause from a minute on: the client of the API has
// already retried for minutes.
func (w *runWorker) NextRetry(job *river.Job[runArgs]) time.Time {
	pause := time.Minute << min(max(job.Attempt-1, 0), 6)
	return time.Now().Add(pause + tenantJitter(job.Args.Tenant, pause/4))
}

const (
	unknownJobGracePeriod = 10 * time.Minute // how long another process may have a newer configuration than this one
	snoozeInterval        = 2 * time.Second  // until the next attempt to lock a tenant
	yieldInterval         = 5 * time.Second  // until a run that reads changes looks again whether the tenant is free
)

// Work runs the job.
func (w *runWorker) Work(ctx context.Context, job *river.Job[runArgs]) error {
	s := w.server
	cfg, j, t, known := s.configuredJobAndTenant(job.Args.Job, job.Args.Tenant)
	if err := s.postponeOrCancelRun(ctx, job, j, known); err != nil {
		return err
	}
	log := s.Log.With("job", j.Name) // the run adds the tenant itself
	client, err := s.NewLogtoClient(t, log)
	if err != nil {
		return s.reportRunOutcome(ctx, j, t, mirror.Summary{Tenant: t.Name, Status: state.Failed, Error: err.Error()}, err)
	}
	defer client.Close()
	active := s.activeRuns.add(job.ID, j, t.Name, client)
	defer s.activeRuns.remove(job.ID)
	runner := &mirror.Runner{Pool: s.Pool, Client: client, Log: log, Version: s.Version, Stop: s.stopRuns, Progress: active.recordStep}
	ctx, done := withStandardCancelCause(ctx)
	defer done()
	summary, err := runner.Run(ctx, s.NewMirrorJob(cfg, t, j))
	if errors.Is(err, state.ErrLocked) {
		return river.JobSnooze(snoozeInterval + tenantJitter(t.Name, snoozeInterval))
	}
	if err == nil && summary.Status == state.Yielded {
		log.DebugContext(ctx, "run yields", "tenant", t.Name, "to", summary.YieldsTo)
		return snoozeYieldedRun(t.Name)
	}
	s.metrics.recordRun(job.ID, j.Name, summary)
	if err != nil && (errors.Is(err, extract.ErrStopped) || s.stopping() && ctx.Err() != nil) {
		log.InfoContext(ctx, "run stopped, will be resumed", "tenant", t.Name, "run", summary.RunID, "requests", summary.Requests)
		return river.JobSnooze(0)
	}
	if err != nil && ctx.Err() != nil && j.Timeout > 0 {
		err = fmt.Errorf("the run took longer than %s: %w", j.Timeout, err)
	}
	if summary.PublishedAt != nil {
		// The run is published whether or not the indexes can be created, and the
		// next run tries again.
		if _, err := s.queue.Insert(ctx, createIndexesArgs{}, createIndexesInsertOptions()); err != nil {
			log.WarnContext(ctx, "cannot enqueue the creation of indexes for analysts", "tenant", t.Name, "error", err)
		}
	}
	return s.reportRunOutcome(ctx, j, t, summary, err)
}

// postponeOrCancelRun returns what the queue does with a job that is not to run now; nil: it is.
func (s *Server) postponeOrCancelRun(ctx context.Context, job *river.Job[runArgs], j config.Job, known bool) error {
	switch {
	case s.stopping():
		return river.JobSnooze(0)
	case !known && time.Since(job.CreatedAt) < unknownJobGracePeriod:
		return river.JobSnooze(snoozeInterval) // for a process that has reloaded its configuration
	case !known:
		return river.JobCancel(fmt.Errorf("job %s and tenant %s are not in the configuration", job.Args.Job, job.Args.Tenant))
	case j.Read != config.ReadChanges:
		return nil
	}
	due, err := s.provingRunIsQueuedOrRunning(ctx, job.Args.Tenant)
	if err != nil {
		s.warnUnlessCanceled(ctx, "cannot tell whether a run is due, trying again", err)
	}
	if err != nil || due {
		return snoozeYieldedRun(job.Args.Tenant)
	}
	return nil
}

// withStandardCancelCause returns a context that ends when another does, with one of the
// two causes the mirror knows: context.Canceled and context.DeadlineExceeded.
// River has causes of its own.
func withStandardCancelCause(ctx context.Context) (_ context.Context, done func()) {
	plain, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			cancel(context.DeadlineExceeded)
			return
		}
		cancel(context.Canceled)
	})
	return plain, func() {
		stop()
		cancel(nil)
	}
}

// writeTimeout bounds what is written about a run or a dead process.
const writeTimeout = 30 * time.Second

// reportRunOutcome logs the outcome of a run, updates its incidents, and returns what
// the queue does with the job.
func (s *Server) reportRunOutcome(ctx context.Context, j config.Job, t config.Tenant, summary mirror.Summary, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	log := s.Log.With("job", j.Name, "tenant", t.Name, "run", summary.RunID, "status", summary.Status,
		"resumed", summary.Resumed, "requests", summary.Requests, "retries", summary.Retries, "duration", summary.Seconds)
	switch {
	case err != nil:
		log.ErrorContext(ctx, "run failed", "error", err)
	case !summary.Proved():
		log.WarnContext(ctx, "run published, but not every listing is proved")
	default:
		log.InfoContext(ctx, "run finished")
	}
	s.overviewCache.invalidate()
	recordErr := s.updateRunIncidents(ctx, j, t, summary, err)
	if _, ok := errors.AsType[*mirror.GuardError](err); ok || isAccessDenied(err) || errors.Is(err, mirror.ErrNoProof) {
		err = river.JobCancel(err) // a retry would end the same way
	}
	return errors.Join(err, recordErr)
}

// isAccessDenied reports whether the server refuses our credentials: a retry does
// not help, and may lock the application out.
func isAccessDenied(err error) bool {
	api, ok := errors.AsType[*logto.Error](err)
	return ok && (api.Status == 401 || api.Status == 403)
}
