package serve

import (
	"context"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"logto-syncer/internal/report"
)

// createIndexesArgs are the arguments of a job that creates the indexes for
// analysts. It is a job of its own: an index of a big tenant takes minutes, which
// would keep the worker of the run busy.
type createIndexesArgs struct{}

// Kind implements river.JobArgs.
func (createIndexesArgs) Kind() string { return "create_indexes" }

// createIndexesInsertOptions allow one such job in the queue at a time, and one
// a minute: there are many runs, and one first load.
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

// Timeout is none: an index of a big tenant takes minutes.
func (w *createIndexesWorker) Timeout(*river.Job[createIndexesArgs]) time.Duration { return -1 }

// Work creates the missing indexes. Nothing depends on it: what fails is tried
// again after another run.
func (w *createIndexesWorker) Work(ctx context.Context, _ *river.Job[createIndexesArgs]) error {
	_, skipped, err := report.EnsureIndexes(ctx, w.server.Pool)
	if err != nil {
		w.server.Log.WarnContext(ctx, "cannot create indexes for analysts", "error", err)
	}
	for _, i := range skipped {
		w.server.Log.WarnContext(ctx, "index not created, its table is locked; the next run tries again", "index", i.Name, "blocker", i.Blocker)
	}
	return nil
}
