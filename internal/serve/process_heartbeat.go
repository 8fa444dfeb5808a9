package serve

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
)

// minHeartbeatInterval and maxHeartbeatInterval bound how often a process
// writes its heartbeat.
const (
	minHeartbeatInterval = 200 * time.Millisecond
	maxHeartbeatInterval = 5 * time.Second
)

// heartbeatAndRescueLoop writes this process's heartbeat and rescues the jobs of dead
// processes, until ctx is done.
func (s *Server) heartbeatAndRescueLoop(ctx context.Context) {
	var healthySince time.Time // our own heartbeats succeed since then; zero: they fail
	unattended := map[int64]time.Time{}
	for {
		rescueAfter := s.currentConfig.Load().Serve.RescueAfter
		interval := min(max(rescueAfter/5, minHeartbeatInterval), maxHeartbeatInterval)
		s.restartBrokenDatabase(ctx)
		if err := s.writeHeartbeat(ctx, interval+rescueAfter/2); err != nil {
			s.warnUnlessCanceled(ctx, "cannot write heartbeat", err)
			healthySince = time.Time{}
		} else if healthySince.IsZero() {
			healthySince = time.Now()
		}
		// While the database was away, no process could send its heartbeat. Each
		// gets the time to do so before it counts as dead.
		if !healthySince.IsZero() && time.Since(healthySince) >= rescueAfter {
			if err := s.rescueJobs(ctx, rescueAfter, unattended); err != nil {
				s.warnUnlessCanceled(ctx, "cannot rescue jobs of dead processes", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
		}
	}
}

// restartBrokenDatabase restarts an embedded server that cannot load its
// libraries since an upgrade of PostgreSQL. Open transactions are rolled back:
// their runs fail, as they would without a restart, and are repeated.
func (s *Server) restartBrokenDatabase(ctx context.Context) {
	if s.RestartBrokenDatabase == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	restarted, err := s.RestartBrokenDatabase(ctx)
	if err != nil {
		s.warnUnlessCanceled(ctx, "cannot restart the embedded PostgreSQL, whose binaries were replaced", err)
	}
	if restarted {
		s.Log.WarnContext(ctx, "embedded PostgreSQL restarted: its binaries were replaced")
	}
}

// warnUnlessCanceled logs an error of a background task, unless the task is being cancelled.
func (s *Server) warnUnlessCanceled(ctx context.Context, message string, err error) {
	if ctx.Err() == nil {
		s.Log.WarnContext(ctx, message, "error", err) //nolint:sloglint // the callers' messages are constant
	}
}

// writeHeartbeat writes that this process is alive, and its active runs.
func (s *Server) writeHeartbeat(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := s.Pool.Exec(ctx, sqlFile("heartbeat"), s.processName, s.activeRuns.allProgress(), s.Version)
	return err
}

// deregister deletes this process from the list of processes.
func (s *Server) deregister() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if _, err := s.Pool.Exec(ctx, "delete from syncer.servers where name = $1", s.processName); err != nil {
		s.Log.WarnContext(ctx, "cannot delete this process from the list of processes", "error", err)
	}
}

// rescueJobs puts the jobs of dead processes back into the queue. River itself
// would wait an hour, and cannot tell a run that takes two hours from one whose
// process died.
//
// It also rescues the jobs that the queue counts as running in this process
// and that are not: the database was away when they ended. Such a job is
// rescued once it has been seen like that for all of rescueAfter; unattended
// holds since when, by job.
func (s *Server) rescueJobs(ctx context.Context, rescueAfter time.Duration, unattended map[int64]time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	rows, _ := s.Pool.Query(ctx, sqlFile("jobs_without_active_run"), s.processName, s.activeRuns.jobIDs()) // the error is that of rows, too
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	since, lost := map[int64]time.Time{}, []int64{}
	for _, id := range ids {
		since[id] = time.Now()
		if before, ok := unattended[id]; ok {
			since[id] = before
		}
		if time.Since(since[id]) >= rescueAfter {
			lost = append(lost, id)
		}
	}
	clear(unattended)
	maps.Copy(unattended, since)
	rows, _ = s.Pool.Query(ctx, sqlFile("rescue_jobs"), rescueAfter, lost)
	type rescuedJob struct {
		ID          int64
		Kind        string
		Job, Tenant *string
		Process     string
	}
	rescued, err := pgx.CollectRows(rows, pgx.RowToStructByName[rescuedJob])
	for _, j := range rescued {
		log := s.Log.With("kind", j.Kind, "dead_process", j.Process)
		if j.Tenant != nil {
			log = log.With("job", *j.Job, "tenant", *j.Tenant)
		}
		log.LogAttrs(ctx, slog.LevelWarn, "job rescued from a dead process")
	}
	return err
}
