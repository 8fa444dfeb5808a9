package logto

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// A RateLimit is the most requests the server may see in any window of length Per,
// wherever the window begins. The zero Limit is none.
type RateLimit struct {
	Requests int
	Per      time.Duration
}

func (l RateLimit) check() error {
	switch {
	case l == RateLimit{}:
		return nil
	case l.Requests < 1 || l.Requests > 100_000:
		return errors.New("limit: requests must be between 1 and 100,000")
	case l.Per <= 0 || l.Per > 24*time.Hour:
		return errors.New("limit: the time must be more than 0 and at most 24 hours")
	}
	return nil
}

const (
	// rateShare is how much of the limit the token bucket uses.
	rateShare = 0.98
	// maxDelay is how long after it was sent a request of an earlier process may still
	// have reached the server.
	maxDelay = 250 * time.Millisecond
	// otherRequests is how many requests may have been sent by commands that do not
	// record when: syncer check sends a few, syncer plan eighteen at most.
	otherRequests = 20
)

// A rateLimiter limits the requests sent to one tenant. Every request passes it,
// token requests and retries included.
//
// The limit holds for any window *as the server counts*, and what a client
// sends evenly does not arrive evenly: a dial takes longer than a kept
// connection, a busy server reads six requests at one moment. Hence two
// bounds:
//
//   - Permits, one for each request of the limit. A request takes a permit, gives
//     it back when the answer has come, and the permit can be used again Per
//     later. Whenever between the two the server counted the request, it
//     counted no other one with this permit less than Per away. So no window of
//     Per sees more requests than there are permits, however late they arrive.
//     The price is the time of an answer: N requests in Per + latency.
//   - A token bucket of 0.98 N in Per, which spreads the requests over the window
//     so that it is not used up at its beginning. Its burst is half of N, to make
//     up for tokens missed while all connections wait for slow answers, or while
//     a run begins. For a small limit it is what 0.98 leaves of N, at least 1.
//
// So the rate is the lesser of 0.98 N / Per and N / (Per + latency): of 200 in
// 10 s it is 0.98 up to an average latency of 0.2 s, 0.975 at 0.25 s.
//
// A process does not see what an earlier one sent. setTimeSinceLastRequest says how long ago
// the last of that may have been sent; without it the limiter assumes the worst:
// that an earlier process sent N requests within Per, as many as burst allows at
// the last moment, and that they arrived up to maxDelay late. Bucket and permits
// begin as that process would have left them. This delays the first request of
// 200 in 10 s by about 5 s after a process that died, and by nothing if the
// tenant has been idle for Per and maxDelay. otherRequests, which were not
// recorded, are subtracted from the permits and from the burst.
type rateLimiter struct {
	bucket   *rate.Limiter  // nil: no limit
	permits  chan time.Time // when each permit that is not in use may be used next
	per      time.Duration
	burst    int
	used     atomic.Bool // a request was let through
	counts   *requestCounts
	throttle throttle
}

func newRateLimiter(cfg Config, tune timingConfig, counts *requestCounts) *rateLimiter {
	limit := cfg.Limit
	l := &rateLimiter{counts: counts, per: limit.Per}
	l.throttle.log, l.throttle.initial, l.throttle.maxWait = cfg.Log, tune.initialPause, cfg.RetryTimeout
	if limit == (RateLimit{}) {
		return l
	}
	l.burst = max(1, limit.Requests-int(math.Ceil(rateShare*float64(limit.Requests)-1e-9)), min(limit.Requests/2, limit.Requests-otherRequests))
	l.permits = make(chan time.Time, limit.Requests)
	l.resetForIdleTime(0)
	return l
}

// resetForIdleTime sets bucket and permits as a process would have left them that sent its
// last request so long ago.
func (l *rateLimiter) resetForIdleTime(ago time.Duration) {
	n := cap(l.permits)
	ago = min(ago, l.per+maxDelay)
	interval := time.Duration(float64(l.per) / (rateShare * float64(n)))
	now := time.Now()
	l.bucket = rate.NewLimiter(rate.Limit(float64(time.Second)/float64(interval)), l.burst)
	l.bucket.AllowN(now, min(l.burst, max(0, l.burst-int(ago/interval))+otherRequests))
	burst := func(before int) time.Duration { return maxDelay - time.Duration(max(0, before-(l.burst-1)))*interval }
	for before := n - 1; before >= 0; before-- {
		counted := burst(before) // if all of it was sent just now
		if before >= otherRequests {
			counted = min(counted, burst(before-otherRequests)-ago)
		}
		l.permits <- now.Add(counted + l.per)
	}
}

// setTimeSinceLastRequest is reset for a limiter that has not been used yet.
func (l *rateLimiter) setTimeSinceLastRequest(ago time.Duration) {
	if l.bucket == nil || l.used.Load() {
		return
	}
	for range cap(l.permits) {
		<-l.permits
	}
	l.resetForIdleTime(ago)
}

// acquire waits until a request may be sent. The caller calls done when its answer
// has begun to arrive, or it failed. The error is ctx's, or the throttle's.
//
// The bucket comes last: requests that it spaced out must not wait for anything
// behind it and meet again. A new process relies on that.
func (l *rateLimiter) acquire(ctx context.Context) (done func(), err error) {
	began := time.Now()
	defer func() { l.counts.waited.Add(int64(time.Since(began))) }()
	l.used.Store(true)
	usableAt, err := l.acquireWindowPermit(ctx)
	if err != nil {
		return nil, err
	}
	for {
		if err := l.throttle.wait(ctx); err != nil {
			l.releaseWindowPermit(usableAt)
			return nil, err
		}
		if err := l.waitForBucket(ctx); err != nil {
			l.releaseWindowPermit(usableAt)
			return nil, err
		}
		if l.throttle.remaining() <= 0 { // else the pause began while the request waited for the bucket
			return func() { l.releaseWindowPermit(time.Now().Add(l.per)) }, nil
		}
	}
}

// acquireWindowPermit waits for a permit, and returns since when it may be used.
func (l *rateLimiter) acquireWindowPermit(ctx context.Context) (usableAt time.Time, err error) {
	if l.bucket == nil {
		return time.Time{}, ctx.Err()
	}
	select {
	case usableAt = <-l.permits:
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	if err := sleep(ctx, time.Until(usableAt)); err != nil {
		l.releaseWindowPermit(usableAt)
		return time.Time{}, err
	}
	return usableAt, nil
}

func (l *rateLimiter) releaseWindowPermit(usableAt time.Time) {
	if l.bucket != nil {
		l.permits <- usableAt
	}
}

// waitForBucket waits for a token of the bucket.
func (l *rateLimiter) waitForBucket(ctx context.Context) error {
	if l.bucket == nil {
		return ctx.Err()
	}
	reservation := l.bucket.Reserve()
	if err := sleep(ctx, reservation.Delay()); err != nil {
		reservation.Cancel()
		return err
	}
	return nil
}

// sleep returns ctx's error if that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
