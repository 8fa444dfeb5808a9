package extract

import (
	"context"
	"errors"

	"github.com/sourcegraph/conc/pool"
)

// A taskGroup runs the pages of a walk in parallel. Its first error cancels the
// rest, except when the walk was asked to stop: then what is on its way is
// finished, and Wait returns ErrStopped.
type taskGroup struct {
	pool *pool.ContextPool
	k    *walk
}

// newTaskGroup returns a group for the pages of one list, or, at the top, for the
// parents of a listing.
func (k *walk) newTaskGroup(ctx context.Context, parent string) taskGroup {
	n := k.Parallel
	if n == 0 {
		n = 32
	}
	if parent != "" { // beside the groups of other parents
		n = max(2, n/2)
	}
	return taskGroup{newPool(ctx, n), k}
}

// newPool returns a pool of so many goroutines, which the first error cancels.
func newPool(ctx context.Context, n int) *pool.ContextPool {
	return pool.New().WithContext(ctx).WithMaxGoroutines(n).WithCancelOnError().WithFirstError()
}

func (g taskGroup) Go(f func(context.Context) error) {
	g.pool.Go(func(ctx context.Context) error {
		err := f(ctx)
		if errors.Is(err, ErrStopped) {
			g.k.stoppedEarly.Store(true)
			return nil
		}
		return err
	})
}

func (g taskGroup) Wait() error {
	if err := g.pool.Wait(); err != nil {
		return err
	}
	if g.k.stoppedEarly.Load() {
		return ErrStopped
	}
	return nil
}
