package serve

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
)

// minBeat and maxBeat bound how often a process says that it is there.
const (
	minHeartbeatInterval = 200 * time.Millisecond
	maxHeartbeatInterval = 5 * time.Second
)

// sendHeartbeats says that this process is there, and takes over from those that are
// silent, until ctx is done.
func (s *Server) sendHeartbeats(ctx context.Context) {
	var steady time.Time // since when we have been heard ourselves
	orphans := map[int64]time.Time{}
	for {
		silence := s.currentConfig.Load().Serve.TakeOver
		every := min(max(silence/5, minHeartbeatInterval), maxHeartbeatInterval)
		if err := s.sendHeartbeat(ctx, every+silence/2); err != nil {
			s.warn(ctx, "nobody hears that this process is there", err)
			steady = time.Time{}
		} else if steady.IsZero() {
			steady = time.Now()
		}
		// A database that was away has heard nobody: before anyone is taken for
		// dead, they have had the time to be heard again.
		if !steady.IsZero() && time.Since(steady) >= silence {
			if err := s.rescueJobs(ctx, silence, orphans); err != nil {
				s.warn(ctx, "what dead processes were at could not be taken over", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

func (s *Server) warn(ctx context.Context, message string, err error) {
	if ctx.Err() == nil {
		s.Log.WarnContext(ctx, message, "error", err) //nolint:sloglint // the callers' messages are constant
	}
}

// sendHeartbeat writes that this process is there and what it is at.
func (s *Server) sendHeartbeat(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	doing, err := json.Marshal(s.activeRuns.progress())
	if err != nil {
		return err
	}
	_, err = s.Pool.Exec(ctx, sqlFile("heartbeat"), s.processName, doing, s.Version)
	return err
}

// deregister takes this process off the list.
func (s *Server) deregister() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := s.Pool.Exec(ctx, "delete from syncer.servers where name = $1", s.processName); err != nil {
		s.Log.WarnContext(ctx, "this process is still on the list", "error", err)
	}
}

// rescueJobs puts back into the queue what dead processes were at. River would
// do so after an hour, and could not tell a run that takes two from one that
// nobody is at. It puts back, too, what the queue takes to be with this
// process and is not: its end could not be written, the database being away.
// These are known by having been so for the whole silence: orphans has since
// when.
func (s *Server) rescueJobs(ctx context.Context, silence time.Duration, orphans map[int64]time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTimeout)
	defer cancel()
	rows, err := s.Pool.Query(ctx, sqlFile("unattended_jobs"), s.processName, s.activeRuns.jobIDs())
	if err != nil {
		return err
	}
	now, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	seen, lost := map[int64]time.Time{}, []int64{}
	for _, id := range now {
		seen[id] = time.Now()
		if before, ok := orphans[id]; ok {
			seen[id] = before
		}
		if time.Since(seen[id]) >= silence {
			lost = append(lost, id)
		}
	}
	clear(orphans)
	maps.Copy(orphans, seen)
	rows, err = s.Pool.Query(ctx, sqlFile("rescue_jobs"), silence, lost)
	if err != nil {
		return err
	}
	type job struct {
		ID          int64
		Kind        string
		Job, Tenant *string
		Worker      string
	}
	taken, err := pgx.CollectRows(rows, pgx.RowToStructByName[job])
	for _, j := range taken {
		log := s.Log.With("kind", j.Kind, "from", j.Worker)
		if j.Tenant != nil {
			log = log.With("job", *j.Job, "tenant", *j.Tenant)
		}
		log.LogAttrs(ctx, slog.LevelWarn, "put back into the queue: the process that was at it is dead")
	}
	return err
}
