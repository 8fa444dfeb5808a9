package mirror

import (
	"context"
	"time"
)

// cleanupTime is how long what a run leaves behind may take to be written once
// the run has been cancelled: a database that no longer answers must not keep
// the process.
const cleanupTime = 2 * time.Second

// cleanupContext returns a context that ends cleanupTime after ctx, or when cancel is
// called. All that are created before ctx ends, end together.
func cleanupContext(ctx context.Context) (_ context.Context, cancel func()) {
	longer, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(cleanupTime, end) })
	return longer, func() {
		stop()
		end()
	}
}
