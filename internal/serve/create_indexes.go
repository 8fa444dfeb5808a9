package serve

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"logto-syncer/internal/report"
)

// createIndexesArgs ask for the indexes that analysts need. It is a job of its own:
// an index that is made concurrently waits for every transaction there is,
// which takes as long as other tenants are read, and the worker that published
// the first one has better things to do.
type createIndexesArgs struct{}

// Kind implements river.JobArgs.
func (createIndexesArgs) Kind() string { return "index" }

// createIndexesInsertOptions let one such job be in the queue at a time, and begin one a
// minute: there are many runs, and one first load.
func createIndexesInsertOptions() *river.InsertOpts {
	o := maintenanceInsertOptions(1)
	o.UniqueOpts.ByPeriod = time.Minute
	o.UniqueOpts.ByState = append(o.UniqueOpts.ByState, rivertype.JobStateCompleted)
	return o
}

type createIndexesWorker struct {
	river.WorkerDefaults[createIndexesArgs]
	server *Server
}

// Timeout is none: of a big tenant an index takes minutes.
func (w *createIndexesWorker) Timeout(*river.Job[createIndexesArgs]) time.Duration { return -1 }

// Work makes what is missing. Nothing depends on it: what cannot be made is
// tried again after another run.
func (w *createIndexesWorker) Work(ctx context.Context, _ *river.Job[createIndexesArgs]) error {
	if _, err := report.EnsureIndexes(ctx, w.server.Pool); err != nil {
		w.server.Log.WarnContext(ctx, "indexes for analysts are not made", "error", err)
	}
	return nil
}
