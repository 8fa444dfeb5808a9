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
	runQueue         = "tenants"
	maintenanceQueue = "chores" // what takes no time, and must not wait for what does
)

// runArgs ask for one job for one tenant.
type runArgs struct {
	Job    string     `json:"job" river:"unique"`
	Tenant string     `json:"tenant" river:"unique"`
	Due    *time.Time `json:"due,omitempty"` // nil: somebody asked for it
}

// Kind implements river.JobArgs.
func (runArgs) Kind() string { return "tenant" }

// unfinishedStates are the states of a job that another like it has no place beside.
func unfinishedStates() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
		rivertype.JobStateRetryable, rivertype.JobStateScheduled,
	}
}

func runInsertOptions(j config.Job, at time.Time) *river.InsertOpts {
	return &river.InsertOpts{
		Queue: runQueue, MaxAttempts: j.Retries + 1, ScheduledAt: at,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinishedStates()},
	}
}

// startDelay is where in the jitter a tenant starts: always at the same place, so
// that its runs are as far apart as the schedule says.
func startDelay(tenant string, jitter time.Duration) time.Duration {
	if jitter <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(tenant)) // a hash takes everything
	return time.Duration(h.Sum64() % uint64(jitter))
}

type runWorker struct {
	river.WorkerDefaults[runArgs]
	server *Server
}

// Timeout is how long the configuration lets a run take.
func (w *runWorker) Timeout(job *river.Job[runArgs]) time.Duration {
	if _, j, _, ok := w.server.findJobAndTenant(job.Args.Job, job.Args.Tenant); ok && j.Timeout > 0 {
		return j.Timeout
	}
	return -1
}

// NextRetry tries soon and then ever less often: the client of the API has
// tried for minutes already.
func (w *runWorker) NextRetry(job *river.Job[runArgs]) time.Time {
	pause := time.Minute << min(max(job.Attempt-1, 0), 6)
	return time.Now().Add(pause + startDelay(job.Args.Tenant, pause/4))
}

const (
	unknownJobGracePeriod = 10 * time.Minute // how long a job that is not in the configuration may be one of a newer one
	snoozeInterval        = 2 * time.Second  // when to look again whether a tenant is free
)

// Work runs the job.
func (w *runWorker) Work(ctx context.Context, job *river.Job[runArgs]) error {
	s := w.server
	cfg, j, t, known := s.findJobAndTenant(job.Args.Job, job.Args.Tenant)
	switch {
	case s.stopping():
		return river.JobSnooze(0)
	case !known && time.Since(job.CreatedAt) < unknownJobGracePeriod:
		return river.JobSnooze(snoozeInterval) // for a process that has read the file again
	case !known:
		return river.JobCancel(fmt.Errorf("job %s and tenant %s are not in the configuration", job.Args.Job, job.Args.Tenant))
	}
	log := s.Log.With("job", j.Name) // what the run says names the tenant itself
	client, err := s.NewLogtoClient(t, log)
	if err != nil {
		return s.finishRun(ctx, j, t, mirror.Summary{Tenant: t.Name, Status: state.Failed, Error: err.Error()}, err)
	}
	defer client.Close()
	seat := s.activeRuns.add(job.ID, j.Name, t.Name, client)
	defer s.activeRuns.remove(job.ID)
	runner := &mirror.Runner{Pool: s.Pool, Client: client, Log: log, Stop: s.stopRuns, Progress: seat.recordStep}
	ctx, done := withPlainCause(ctx)
	defer done()
	summary, err := runner.Run(ctx, s.NewMirrorJob(cfg, t, j))
	if errors.Is(err, state.ErrLocked) {
		return river.JobSnooze(snoozeInterval + startDelay(t.Name, snoozeInterval))
	}
	s.metrics.recordRun(job.ID, j.Name, summary)
	if err != nil && (errors.Is(err, extract.ErrStopped) || s.stopping() && ctx.Err() != nil) {
		log.InfoContext(ctx, "run stopped, to be gone on with", "tenant", t.Name, "run", summary.RunID, "requests", summary.Requests)
		return river.JobSnooze(0)
	}
	if err != nil && ctx.Err() != nil && j.Timeout > 0 {
		err = fmt.Errorf("the run took longer than %s: %w", j.Timeout, err)
	}
	if summary.PublishedAt != nil {
		// The run is published whether or not analysts get their indexes, and the
		// next one asks again.
		if _, err := s.queue.Insert(ctx, createIndexesArgs{}, createIndexesInsertOptions()); err != nil {
			log.WarnContext(ctx, "indexes for analysts are not asked for", "tenant", t.Name, "error", err)
		}
	}
	return s.finishRun(ctx, j, t, summary, err)
}

// withPlainCause returns a context that ends when another does, for one of the
// reasons the mirror knows: it was cut off, or took too long. River has its
// own.
func withPlainCause(ctx context.Context) (_ context.Context, done func()) {
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

// finishRun says what came of a run, in the log and to whoever wants to know, and
// what the queue is to make of it.
func (s *Server) finishRun(ctx context.Context, j config.Job, t config.Tenant, summary mirror.Summary, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	log := s.Log.With("job", j.Name, "tenant", t.Name, "run", summary.RunID, "status", summary.Status,
		"resumed", summary.Resumed, "requests", summary.Requests, "retries", summary.Retries, "duration", summary.Seconds)
	switch {
	case err != nil:
		log.ErrorContext(ctx, "run failed", "error", err)
	case !summary.Proved():
		log.WarnContext(ctx, "run published, not all of it proved")
	default:
		log.InfoContext(ctx, "run finished")
	}
	s.overviewCache.invalidate()
	told := s.recordOutcome(ctx, j, t, summary, err)
	if _, ok := errors.AsType[*mirror.GuardError](err); ok || accessDenied(err) {
		err = river.JobCancel(err) // another try would find the same
	}
	return errors.Join(err, told)
}

// accessDenied reports whether the server does not let us in: to ask again does not
// help, and may lock the application out.
func accessDenied(err error) bool {
	api, ok := errors.AsType[*logto.Error](err)
	return ok && (api.Status == 401 || api.Status == 403)
}
