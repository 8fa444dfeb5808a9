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
	queueOfTenants = "tenants"
	queueOfChores  = "chores" // what takes no time, and must not wait for what does
)

// tenantArgs ask for one job for one tenant.
type tenantArgs struct {
	Job    string     `json:"job" river:"unique"`
	Tenant string     `json:"tenant" river:"unique"`
	Due    *time.Time `json:"due,omitempty"` // nil: somebody asked for it
}

// Kind implements river.JobArgs.
func (tenantArgs) Kind() string { return "tenant" }

// unfinished are the states of a job that another like it has no place beside.
func unfinished() []rivertype.JobState {
	return []rivertype.JobState{
		rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
		rivertype.JobStateRetryable, rivertype.JobStateScheduled,
	}
}

func tenantOptions(j config.Job, at time.Time) *river.InsertOpts {
	return &river.InsertOpts{
		Queue: queueOfTenants, MaxAttempts: j.Retries + 1, ScheduledAt: at,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished()},
	}
}

// spread is where in the jitter a tenant starts: always at the same place, so
// that its runs are as far apart as the schedule says.
func spread(tenant string, jitter time.Duration) time.Duration {
	if jitter <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(tenant)) // a hash takes everything
	return time.Duration(h.Sum64() % uint64(jitter))
}

type tenantWorker struct {
	river.WorkerDefaults[tenantArgs]
	server *Server
}

// Timeout is how long the configuration lets a run take.
func (w *tenantWorker) Timeout(job *river.Job[tenantArgs]) time.Duration {
	if _, j, _, ok := w.server.find(job.Args.Job, job.Args.Tenant); ok && j.Timeout > 0 {
		return j.Timeout
	}
	return -1
}

// NextRetry tries soon and then ever less often: the client of the API has
// tried for minutes already.
func (w *tenantWorker) NextRetry(job *river.Job[tenantArgs]) time.Time {
	pause := time.Minute << min(max(job.Attempt-1, 0), 6)
	return time.Now().Add(pause + spread(job.Args.Tenant, pause/4))
}

const (
	strangeFor = 10 * time.Minute // how long a job that is not in the configuration may be one of a newer one
	comeBack   = 2 * time.Second  // when to look again whether a tenant is free
)

// Work runs the job.
func (w *tenantWorker) Work(ctx context.Context, job *river.Job[tenantArgs]) error {
	s := w.server
	cfg, j, t, known := s.find(job.Args.Job, job.Args.Tenant)
	switch {
	case s.stopping():
		return river.JobSnooze(0)
	case !known && time.Since(job.CreatedAt) < strangeFor:
		return river.JobSnooze(comeBack) // for a process that has read the file again
	case !known:
		return river.JobCancel(fmt.Errorf("job %s and tenant %s are not in the configuration", job.Args.Job, job.Args.Tenant))
	}
	log := s.Log.With("job", j.Name) // what the run says names the tenant itself
	client, err := s.Client(t, log)
	if err != nil {
		return s.settle(ctx, j, t, mirror.Summary{Tenant: t.Name, Status: state.Failed, Error: err.Error()}, err)
	}
	defer client.Close()
	seat := s.desk.sit(job.ID, j.Name, t.Name, client)
	defer s.desk.rise(job.ID)
	runner := &mirror.Runner{Pool: s.Pool, Client: client, Log: log, Stop: s.stop, Progress: seat.step}
	ctx, done := plainly(ctx)
	defer done()
	summary, err := runner.Run(ctx, s.Task(cfg, t, j))
	if errors.Is(err, state.ErrLocked) {
		return river.JobSnooze(comeBack + spread(t.Name, comeBack))
	}
	s.metrics.ran(job.ID, j.Name, summary)
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
		if _, err := s.river.Insert(ctx, indexArgs{}, indexOptions()); err != nil {
			log.WarnContext(ctx, "indexes for analysts are not asked for", "tenant", t.Name, "error", err)
		}
	}
	return s.settle(ctx, j, t, summary, err)
}

// plainly returns a context that ends when another does, for one of the
// reasons the mirror knows: it was cut off, or took too long. River has its
// own.
func plainly(ctx context.Context) (_ context.Context, done func()) {
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

// settle says what came of a run, in the log and to whoever wants to know, and
// what the queue is to make of it.
func (s *Server) settle(ctx context.Context, j config.Job, t config.Tenant, summary mirror.Summary, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
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
	s.glance.forget()
	told := s.tell(ctx, j, t, summary, err)
	if _, ok := errors.AsType[*mirror.GuardError](err); ok || refused(err) {
		err = river.JobCancel(err) // another try would find the same
	}
	return errors.Join(err, told)
}

// refused reports whether the server does not let us in: to ask again does not
// help, and may lock the application out.
func refused(err error) bool {
	api, ok := errors.AsType[*logto.Error](err)
	return ok && (api.Status == 401 || api.Status == 403)
}
