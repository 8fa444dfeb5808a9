package logto

import (
	"sync/atomic"
	"time"
)

// Stats counts what a Client did since New.
type Stats struct {
	// Requests that went out: those for tokens and retries too.
	Requests int64
	// Retries are attempts at a page after its first.
	Retries int64
	// Throttled are the answers 429, and 503 with a Retry-After.
	Throttled int64
	// Waited is the time requests stood before the limiter, summed over all
	// of them: with six in parallel it runs six times as fast as the clock.
	Waited time.Duration
}

// Plus adds up what two clients did.
func (s Stats) Plus(more Stats) Stats {
	return Stats{s.Requests + more.Requests, s.Retries + more.Retries, s.Throttled + more.Throttled, s.Waited + more.Waited}
}

type requestCounts struct {
	requests, retries, throttled, waited atomic.Int64
}

func (c *requestCounts) stats() Stats {
	return Stats{
		Requests:  c.requests.Load(),
		Retries:   c.retries.Load(),
		Throttled: c.throttled.Load(),
		Waited:    time.Duration(c.waited.Load()),
	}
}
