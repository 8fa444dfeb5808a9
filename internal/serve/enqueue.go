package serve

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"logto-syncer/internal/config"
)

// enqueueRunsNow enqueues a run of each tenant, to start as soon as a worker is
// free: of all or, with an error, of none. A run that waits for its scheduled
// time or for a retry starts at once, too. It returns how many of the runs are
// under way already, which are not enqueued a second time.
func (s *Server) enqueueRunsNow(ctx context.Context, j config.Job, tenants ...string) (running int, err error) {
	inserts := make([]river.InsertManyParams, len(tenants))
	for i, t := range tenants {
		inserts[i] = river.InsertManyParams{Args: runArgs{j.Name, t, nil}, InsertOpts: runInsertOptions(j, time.Time{})}
	}
	results, err := s.queue.InsertMany(ctx, inserts)
	if err != nil {
		return 0, err
	}
	for _, r := range results {
		switch {
		case !r.UniqueSkippedAsDuplicate, r.Job.State == rivertype.JobStateAvailable:
			continue
		case r.Job.State == rivertype.JobStateRunning:
			running++
			continue
		}
		// A job that is not found has ended in the meantime.
		if _, err := s.queue.JobRetry(ctx, r.Job.ID); err != nil && !errors.Is(err, river.ErrNotFound) {
			return running, err
		}
	}
	return running, nil
}
