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
	"logto-syncer/internal/pgquery"
)

// scheduleArgs are the arguments of a job that enqueues the due runs of a job
// of the configuration.
type scheduleArgs struct {
	Job string    `json:"job" river:"unique"`
	At  time.Time `json:"at"` // runs due until then
}

// Kind implements river.JobArgs.
func (scheduleArgs) Kind() string { return "schedule" }

func maintenanceInsertOptions(attempts int) *river.InsertOpts {
	return &river.InsertOpts{
		Queue: maintenanceQueue, MaxAttempts: attempts,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinishedStates()},
	}
}

// clockTolerance is by how much River may be early and the clocks of two
// machines may differ.
const clockTolerance = time.Second

// periodicJobs are what the elected leader of the processes enqueues: for every
// job of the configuration a check of what is due, at each time of its schedule
// and when the process becomes the leader, because scheduled times may have
// passed without a leader.
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

// runSchedule enqueues a run for every tenant the job is due for.
func (s *Server) runSchedule(ctx context.Context, job *river.Job[scheduleArgs]) error {
	cfg := s.currentConfig.Load()
	j, ok := cfg.Job(job.Args.Job)
	switch {
	case !ok && time.Since(job.CreatedAt) < time.Minute:
		return river.JobSnooze(snoozeInterval) // another process may have reloaded its configuration
	case !ok || j.Cron == nil:
		return nil
	}
	now := time.Now()
	if job.Args.At.After(now) {
		now = job.Args.At
	}
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error { return s.enqueueDueRuns(ctx, tx, cfg, j, now) })
}

// enqueueDueRuns enqueues the due runs and records the due times in one
// transaction.
func (s *Server) enqueueDueRuns(ctx context.Context, tx pgx.Tx, cfg *config.Config, j config.Job, now time.Time) error {
	tenants := cfg.TenantNamesOf(j)
	slices.Sort(tenants) // every process locks them in this order
	type schedule struct {
		Tenant string
		Due    time.Time
	}
	known, err := pgquery.Rows(ctx, tx, "read what is due of "+j.Name, pgx.RowToStructByPos[schedule], sqlFile("lock_schedules"), j.Name, tenants, now)
	if err != nil {
		return err
	}
	jitter := j.Jitter
	if len(tenants) == 1 {
		jitter = 0
	}
	var inserts []river.InsertManyParams
	var dueTenants []string
	var dueTimes []time.Time
	for _, k := range known {
		due := lastDueTime(j.Cron, k.Due, now)
		if due.IsZero() {
			continue
		}
		dueTenants, dueTimes = append(dueTenants, k.Tenant), append(dueTimes, due)
		if late := now.Sub(due); late > maxLateness && j.Missed == config.SkipMissed {
			s.Log.WarnContext(ctx, "missed run is skipped", "job", j.Name, "tenant", k.Tenant, "due", due)
			continue
		}
		inserts = append(inserts, river.InsertManyParams{
			Args: runArgs{j.Name, k.Tenant, &due}, InsertOpts: runInsertOptions(j, now.Add(tenantJitter(k.Tenant, jitter))),
		})
	}
	if len(dueTenants) == 0 {
		return nil
	}
	if err := pgquery.Exec(ctx, tx, "write the schedule of "+j.Name, sqlFile("update_schedules"), j.Name, dueTenants, dueTimes); err != nil {
		return err
	}
	if len(inserts) == 0 {
		return nil
	}
	if _, err := s.queue.InsertManyTx(ctx, tx, inserts); err != nil {
		return fmt.Errorf("enqueue runs of %s: %w", j.Name, err)
	}
	return nil
}

// maxLateness is how late a run may start without counting as missed: electing
// a new leader takes a while.
const maxLateness = 5 * time.Minute

// lastDueTime returns the last time of a schedule in (after, now]; zero if there
// is none. Of several missed times only the last one counts.
func lastDueTime(schedule cron.Schedule, after, now time.Time) time.Time {
	// It looks back further and further, so as not to iterate over a year of a
	// schedule of every second.
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
