package logto

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// timingConfig are the durations that a test shortens.
type timingConfig struct {
	initialBackoff time.Duration // the first backoff of a page
	maxBackoff     time.Duration // its longest
	initialPause   time.Duration // the first pause of a tenant when the server names none
	timeout        time.Duration // for one request, from the limiter to the body's end
}

// defaultTimingConfig waits half a minute longer than the server, which gives a
// request up after 2.
func defaultTimingConfig() timingConfig {
	return timingConfig{
		initialBackoff: 500 * time.Millisecond,
		maxBackoff:     30 * time.Second,
		initialPause:   time.Second,
		timeout:        150 * time.Second,
	}
}

// maxServerErrors is how often a request is sent that gets a plain 500: a busy server recovers, a
// row that breaks the answer does not.
const maxServerErrors = 3

// retry calls fetch until it succeeds, fails for good, or the retry timeout has passed.
// Method and path are for the errors.
func retry[T any](ctx context.Context, c *Client, timeout time.Duration, method, path string, fetch func() (T, error)) (T, error) {
	p := &retryPolicy{ctx: ctx, client: c, method: method, path: path, retryTimeout: timeout, backoff: &backoff.ExponentialBackOff{
		InitialInterval:     c.tuning.initialBackoff,
		RandomizationFactor: backoff.DefaultRandomizationFactor,
		Multiplier:          2,
		MaxInterval:         c.tuning.maxBackoff,
	}}
	v, err := backoff.Retry(ctx, func() (v T, err error) {
		if err = p.checkThrottle(); err == nil {
			v, err = fetch()
		}
		p.last = err
		if err == nil {
			p.client.waiting.ended(ctx, p, true)
		}
		return v, err
	}, backoff.WithBackOff(p), backoff.WithMaxElapsedTime(0))
	c.waiting.ended(ctx, p, false)
	switch {
	case err == nil:
		return v, nil
	case ctx.Err() != nil:
		return v, fmt.Errorf("%s %s: %w", method, path, ctx.Err())
	}
	return v, err
}

// A retryPolicy decides after each failed attempt whether and when
// there is another. The retry timeout starts at the first failure, so that
// waiting for the rate limiter does not use it up.
type retryPolicy struct {
	ctx          context.Context
	client       *Client
	method       string
	path         string
	retryTimeout time.Duration
	backoff      *backoff.ExponentialBackOff
	last         error
	failed       int
	serverErrors int
	since        time.Time // the first failure
	deadline     time.Time
}

// Reset is part of backoff.BackOff.
func (p *retryPolicy) Reset() { p.backoff.Reset() }

// NextBackOff returns how long to wait after the error in last.
func (p *retryPolicy) NextBackOff() time.Duration {
	e, ok := errors.AsType[*Error](p.last)
	if !ok || !e.Transient() || e.kind == kindThrottled || e.kind == kindUnknownPath && p.client.probes {
		return backoff.Stop
	}
	if p.failed++; p.failed == 1 {
		p.since = time.Now()
		p.deadline = p.since.Add(p.retryTimeout)
	}
	if e.fewAttempts() {
		if p.serverErrors++; p.serverErrors == maxServerErrors {
			e.Message = joinMessages(e.Message, fmt.Sprintf("the same %d times", p.serverErrors))
			return backoff.Stop
		}
	}
	var wait time.Duration // 0 if throttled: the rate limiter delays the request
	if !e.throttled() {
		wait = p.backoff.NextBackOff()
	}
	if time.Now().Add(wait).After(p.deadline) {
		e.Message = joinMessages(e.Message, fmt.Sprintf("gave up after %s in %v", formatAttempts(p.failed), roundDuration(time.Since(p.since))))
		return backoff.Stop
	}
	p.client.counts.retries.Add(1)
	if !e.throttled() {
		p.client.waiting.failed(p.ctx, p, Waiting{Cause: e.cause(), Attempt: p.failed, Since: p.since})
	}
	p.client.log.DebugContext(p.ctx, "request retried", "path", p.path, "status", e.Status, "attempt", p.failed, "wait", roundDuration(wait))
	return wait
}

func formatAttempts(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return fmt.Sprintf("%d attempts", n)
}

// checkThrottle returns an error if the server throttles the tenant for longer than
// what is left of the retry timeout.
func (p *retryPolicy) checkThrottle() error {
	left := p.retryTimeout
	if p.failed > 0 {
		left = time.Until(p.deadline)
	}
	wait := p.client.limiter.throttle.remaining()
	if wait <= max(0, left) {
		return nil
	}
	e := throttledError(wait, left)
	e.Method, e.Path = p.method, p.path
	if last, ok := errors.AsType[*Error](p.last); ok {
		e.Code, e.RequestID, e.Message = last.Code, last.RequestID, joinMessages(last.Message, e.Message)
	}
	return e
}

func joinMessages(message, more string) string {
	if message == "" {
		return more
	}
	return message + ": " + more
}
