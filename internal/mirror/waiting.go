package mirror

import (
	"context"
	"sync"
	"time"

	"logto-syncer/internal/logto"
)

// recordServerWaits keeps in the database whether the run waits for the server,
// until stop is called.
func (a *attempt) recordServerWaits(ctx context.Context) (stop func()) {
	ctx, cancel := cleanupContext(ctx)
	changes := make(chan *logto.Waiting, 1)
	remove := a.client.OnRetryWaiting(func(w *logto.Waiting) {
		select {
		case <-changes: // the database was slower: only the last one counts
		default:
		}
		changes <- w
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		for w := range changes {
			a.recordServerWait(ctx, w)
		}
	})
	return func() {
		remove()
		close(changes)
		wg.Wait()
		cancel()
	}
}

func (a *attempt) recordServerWait(ctx context.Context, w *logto.Waiting) {
	if w == nil {
		a.saveWaitReason(ctx, "", time.Time{})
		return
	}
	a.saveWaitReason(ctx, w.String(), w.Since)
}

// saveWaitReason keeps what the run is waiting for; nothing with an empty text.
func (a *attempt) saveWaitReason(ctx context.Context, text string, since time.Time) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := a.run.SetWaiting(ctx, a.pool, text, since); err != nil && ctx.Err() == nil {
		a.log.WarnContext(ctx, "cannot record what the run is waiting for", "tenant", a.job.Tenant, "run", a.run.ID, "error", err)
	}
}
