package logto

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// A brake holds back a whole tenant after the server throttled one request.
type brake struct {
	log      *slog.Logger
	first    time.Duration // the first hold where the server names none
	patience time.Duration // a longer hold is an error

	mu    sync.Mutex
	until time.Time     // nothing goes out before
	since time.Time     // when until was last set
	step  time.Duration // the last hold that the server did not name
}

// free waits until the tenant is not held back. It returns ctx's error, or an
// [*Error] without method and path if that takes longer than patience.
func (b *brake) free(ctx context.Context) error {
	for wait := b.held(); wait > 0; wait = b.held() {
		if wait > b.patience {
			return heldFor(wait, b.patience)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func heldFor(wait, patience time.Duration) *Error {
	return &Error{
		Status:     http.StatusTooManyRequests,
		RetryAfter: wait,
		Message: fmt.Sprintf("the server asks to wait another %v, and the patience left is %v",
			readable(wait), readable(max(0, patience))),
		kind: kindHeld,
	}
}

// readable leaves out what nobody wants to know of a long time.
func readable(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}

// held returns how long nothing may go out. Negative or 0: go.
func (b *brake) held() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Until(b.until)
}

// hold stops the whole tenant, because the server throttled a request that
// went out at sent. It waits as long as the server asked for, or, where it did
// not ask (after of 0), twice as long as the last time. Of the requests that
// were out together only the first doubles.
func (b *brake) hold(sent time.Time, after time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if after == 0 {
		if !sent.After(b.since) {
			return
		}
		b.step = min(max(2*b.step, b.first), time.Minute)
		after = b.step + rand.N(b.step/4+1)
	}
	now := time.Now()
	if !b.until.After(now) { // else the others that were out say it again
		b.log.Warn("server throttles the tenant", "wait", after)
	}
	if until := now.Add(after); until.After(b.until) {
		b.until = until
		b.since = now
	}
}

// heal forgets the last hold when a request sent after it was answered.
func (b *brake) heal(sent time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if sent.After(b.since) {
		b.step = 0
	}
}
