package logto

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

const (
	// firstReminder and lastReminder are how long after one line about a server
	// that does not answer the next one is logged, the first time and in the end.
	firstReminder, lastReminder = 10 * time.Second, 5 * time.Minute
)

// A Waiting says that a request has failed and waits for another attempt.
type Waiting struct {
	// Cause is why it failed, in a few words, like "connection refused".
	Cause string
	// Attempt is how many attempts have failed, of the request with the most.
	Attempt int
	// Since is when the first attempt failed.
	Since time.Time
}

// String is one line, like "waiting: connection refused, attempt 4".
func (w Waiting) String() string { return fmt.Sprintf("waiting: %s, attempt %d", w.Cause, w.Attempt) }

// A retryTracker knows which requests of a client wait for another attempt.
// It says so to the log, once and then at growing intervals, and to its listeners.
type retryTracker struct {
	log *slog.Logger

	mu        sync.Mutex
	listeners []*func(*Waiting)
	requests  map[*retryPolicy]Waiting
	reported  bool // in the log, since requests was empty
	next      time.Time
	interval  time.Duration
}

// listen adds a listener; remove takes it away.
func (t *retryTracker) listen(f func(*Waiting)) (remove func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listeners = append(t.listeners, &f)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.listeners = slices.DeleteFunc(t.listeners, func(other *func(*Waiting)) bool { return other == &f })
	}
}

func (t *retryTracker) notify(w *Waiting) {
	for _, f := range t.listeners {
		(*f)(w)
	}
}

// failed notes that a request has failed once more and is going to be tried again.
func (t *retryTracker) failed(ctx context.Context, p *retryPolicy, w Waiting) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests[p] = w
	now, worst := time.Now(), t.mostRetried()
	if !now.Before(t.next) {
		if now.Sub(t.next) > lastReminder { // the last trouble is long past
			t.interval = 0
		}
		t.interval = min(max(2*t.interval, firstReminder), lastReminder)
		t.next, t.reported = now.Add(t.interval), true
		t.log.WarnContext(ctx, "request failed, trying again", "path", p.path, "cause", worst.Cause, "attempt", worst.Attempt, "since", worst.Since)
	}
	t.notify(&worst)
}

// ended notes that a request is answered, or has failed for good.
func (t *retryTracker) ended(ctx context.Context, p *retryPolicy, answered bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w, waited := t.requests[p]
	if !waited {
		return
	}
	delete(t.requests, p)
	if len(t.requests) > 0 {
		return
	}
	if t.reported && answered {
		t.log.InfoContext(ctx, "the server answers again", "after", roundDuration(time.Since(w.Since)))
	}
	t.reported = false
	t.notify(nil)
}

// mostRetried is the request with the most attempts, since the first failure of all.
func (t *retryTracker) mostRetried() (worst Waiting) {
	var since time.Time
	for _, w := range t.requests {
		if w.Attempt > worst.Attempt {
			worst = w
		}
		if since.IsZero() || w.Since.Before(since) {
			since = w.Since
		}
	}
	worst.Since = since
	return worst
}
