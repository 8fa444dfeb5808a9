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

// A throttle pauses every request to a tenant after the server answered one of
// them with 429, or with 503 and Retry-After.
type throttle struct {
	log     *slog.Logger
	initial time.Duration // the first pause when the server names none
	maxWait time.Duration // a longer pause is an error

	mu        sync.Mutex
	until     time.Time     // no request is sent before
	setAt     time.Time     // when until was last set
	lastPause time.Duration // the last pause that the server did not name
}

// wait waits for the end of the pause. It returns ctx's error, or an [*Error]
// without method and path if the pause is longer than maxWait.
func (t *throttle) wait(ctx context.Context) error {
	for wait := t.remaining(); wait > 0; wait = t.remaining() {
		if wait > t.maxWait {
			return throttledError(wait, t.maxWait)
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func throttledError(wait, left time.Duration) *Error {
	return &Error{
		Status:     http.StatusTooManyRequests,
		RetryAfter: wait,
		Message: fmt.Sprintf("the server asks to wait another %v, longer than the %v left for retries",
			roundDuration(wait), roundDuration(max(0, left))),
		kind: kindThrottled,
	}
}

// roundDuration drops the fractions that do not matter in a long duration.
func roundDuration(d time.Duration) time.Duration {
	if d < 10*time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(time.Second)
}

// remaining returns how long the pause still lasts; 0 or less: no pause.
func (t *throttle) remaining() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Until(t.until)
}

// pause stops all requests to the tenant, because the server throttled the one
// sent at sent. The pause lasts as long as the server asked for, or, when it did
// not ask (after is 0), twice as long as the last time. Of several requests in
// flight together only the first doubles it.
func (t *throttle) pause(sent time.Time, after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if after == 0 {
		if !sent.After(t.setAt) {
			return
		}
		t.lastPause = min(max(2*t.lastPause, t.initial), time.Minute)
		after = t.lastPause + rand.N(t.lastPause/4+1)
	}
	now := time.Now()
	if !t.until.After(now) { // else each request in flight would log it again
		t.log.Warn("server throttles requests, pausing", "wait", roundDuration(after))
	}
	if until := now.Add(after); until.After(t.until) {
		t.until = until
		t.setAt = now
	}
}

// resetBackoff forgets the last pause once a request sent after it was answered.
func (t *throttle) resetBackoff(sent time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if sent.After(t.setAt) {
		t.lastPause = 0
	}
}
