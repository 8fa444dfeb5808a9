package serve

import (
	"context"

	"github.com/riverqueue/river"

	"logto-syncer/internal/pgquery"
)

// A run that reads changes is never beside a run that proves: it yields to one
// that is under way, due, or unfinished and to be resumed, and looks again a
// little later. It stays in the queue, and is neither a failure nor a retry.

// provingRunIsQueuedOrRunning reports whether a run of a tenant that reads everything is
// under way or waits for a worker.
func (s *Server) provingRunIsQueuedOrRunning(ctx context.Context, tenant string) (bool, error) {
	return pgquery.Value[bool](ctx, s.Pool, "look for a run of "+tenant+" in the queue", sqlFile("proving_run_is_queued_or_running"), runQueue, tenant)
}

// snoozeYieldedRun puts a job back into the queue.
func snoozeYieldedRun(tenant string) error {
	return river.JobSnooze(yieldInterval + tenantJitter(tenant, yieldInterval))
}
