package serve

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/robfig/cron/v3"

	"logto-syncer/internal/config"
)

// scheduleArgs ask whether a job is due for its tenants.
type scheduleArgs struct {
	Job string    `json:"job" river:"unique"`
	At  time.Time `json:"at"`
}

// Kind implements river.JobArgs.
func (scheduleArgs) Kind() string { return "plan" }

func maintenanceInsertOptions(attempts int) *river.InsertOpts {
	return &river.InsertOpts{
		Queue: maintenanceQueue, MaxAttempts: attempts,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinishedStates()},
	}
}

// clockTolerance is by how much River may be early, and the clocks of two machines
// differ without harm.
const clockTolerance = time.Second

// periodicJobs is what the leader of the processes puts into the queue: for every
// job a look at what is due, at each time of its schedule and when it becomes
// the leader, since times may have passed without one.
func (s *Server) periodicJobs(cfg *config.Config) []*river.PeriodicJob {
	jobs := []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(freshnessCheckInterval),
		func() (river.JobArgs, *river.InsertOpts) { return freshnessCheckArgs{}, maintenanceInsertOptions(1) },
		&river.PeriodicJobOpts{RunOnStart: true})}
	for _, j := range cfg.Jobs {
		if j.Cron == nil {
			continue
		}
		jobs = append(jobs, river.NewPeriodicJob(j.Cron, func() (river.JobArgs, *river.InsertOpts) {
			return scheduleArgs{j.Name, time.Now().Add(clockTolerance)}, maintenanceInsertOptions(5)
		}, &river.PeriodicJobOpts{RunOnStart: true}))
	}
	return jobs
}

type scheduleWorker struct {
	river.WorkerDefaults[scheduleArgs]
	server *Server
}

// Work puts the job into the queue for every tenant it is due for.
func (w *scheduleWorker) Work(ctx context.Context, job *river.Job[scheduleArgs]) error {
	s := w.server
	cfg := s.currentConfig.Load()
	j, ok := cfg.Job(job.Args.Job)
	switch {
	case !ok && time.Since(job.CreatedAt) < time.Minute:
		return river.JobSnooze(snoozeInterval) // for a process that has read the file again
	case !ok || j.Cron == nil:
		return nil
	}
	now := time.Now()
	if job.Args.At.After(now) {
		now = job.Args.At
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error { return s.enqueueDueRuns(ctx, tx, cfg, j, now) })
}

// enqueueDueRuns is Work in a transaction: that a time is taken care of is written
// together with what does.
func (s *Server) enqueueDueRuns(ctx context.Context, tx pgx.Tx, cfg *config.Config, j config.Job, now time.Time) error {
	tenants := cfg.TenantsOf(j)
	names := make([]string, len(tenants))
	for i, t := range tenants {
		names[i] = t.Name
	}
	slices.Sort(names) // whoever locks them too does so in this order
	rows, err := tx.Query(ctx, sqlFile("lock_schedules"), j.Name, names, now)
	if err != nil {
		return fmt.Errorf("read what is due of %s: %w", j.Name, err)
	}
	type schedule struct {
		Tenant string
		Due    time.Time
	}
	known, err := pgx.CollectRows(rows, pgx.RowToStructByPos[schedule])
	if err != nil {
		return fmt.Errorf("read what is due of %s: %w", j.Name, err)
	}
	jitter := j.Jitter
	if len(tenants) == 1 {
		jitter = 0
	}
	var inserts []river.InsertManyParams
	var kept []string
	var times []time.Time
	for _, k := range known {
		due := lastDueTime(j.Cron, k.Due, now)
		if due.IsZero() {
			continue
		}
		kept, times = append(kept, k.Tenant), append(times, due)
		if late := now.Sub(due); late > maxLateness && j.Missed == config.SkipMissed {
			s.Log.WarnContext(ctx, "a time of the schedule was missed and is skipped", "job", j.Name, "tenant", k.Tenant, "due", due)
			continue
		}
		inserts = append(inserts, river.InsertManyParams{
			Args: runArgs{j.Name, k.Tenant, &due}, InsertOpts: runInsertOptions(j, now.Add(startDelay(k.Tenant, jitter))),
		})
	}
	if len(kept) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, sqlFile("update_schedules"), j.Name, kept, times); err != nil {
		return fmt.Errorf("write what is due of %s: %w", j.Name, err)
	}
	if len(inserts) == 0 {
		return nil
	}
	if _, err := s.queue.InsertManyTx(ctx, tx, inserts); err != nil {
		return fmt.Errorf("put %s into the queue: %w", j.Name, err)
	}
	return nil
}

// maxLateness is how late a run may be and still be the one that was due: leaders
// die, too.
const maxLateness = 5 * time.Minute

// lastDueTime returns the last time of a schedule after one and not after another;
// zero if there is none. Of several that were missed only the last counts.
func lastDueTime(schedule cron.Schedule, after, now time.Time) time.Time {
	// Looking back further and further, so that a schedule of every second is
	// not followed through a year.
	for _, back := range []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 32 * 24 * time.Hour, 5 * 366 * 24 * time.Hour} {
		from := now.Add(-back)
		if from.Before(after) {
			from = after
		}
		var last time.Time
		for at := schedule.Next(from); !at.IsZero() && !at.After(now); at = schedule.Next(at) {
			last = at
		}
		if !last.IsZero() || from.Equal(after) {
			return last
		}
	}
	return time.Time{}
}
