package mirror

import (
	"context"
	"sync"
	"time"

	"logto-syncer/internal/logto"
)

// recordWaiting keeps in the database whether the run waits for the server,
// until stop is called.
func (a *attempt) recordWaiting(ctx context.Context) (stop func()) {
	ctx, cancel := outlast(ctx)
	changes := make(chan *logto.Waiting, 1)
	remove := a.client.OnWaiting(func(w *logto.Waiting) {
		select {
		case <-changes: // the database was slower: only the last one counts
		default:
		}
		changes <- w
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		for w := range changes {
			a.setWaiting(ctx, w)
		}
	})
	return func() {
		remove()
		close(changes)
		wg.Wait()
		cancel()
	}
}

func (a *attempt) setWaiting(ctx context.Context, w *logto.Waiting) {
	if w == nil {
		a.recordWait(ctx, "", time.Time{})
		return
	}
	a.recordWait(ctx, w.String(), w.Since)
}

// recordWait keeps what the run is waiting for; nothing with an empty text.
func (a *attempt) recordWait(ctx context.Context, text string, since time.Time) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := a.run.SetWaiting(ctx, a.pool, text, since); err != nil && ctx.Err() == nil {
		a.log.WarnContext(ctx, "cannot record what the run is waiting for", "tenant", a.job.Tenant, "run", a.run.ID, "error", err)
	}
}
