package logto

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// tuning holds the times that a test cannot wait for.
type tuning struct {
	first   time.Duration // the first backoff of a page
	longest time.Duration // its longest
	hold    time.Duration // the first hold of a tenant that the server does not name
	timeout time.Duration // for one request, from the limiter to the body's end
}

// defaultTuning waits half a minute longer than the server, which gives a
// request up after 2.
func defaultTuning() tuning {
	return tuning{
		first:   500 * time.Millisecond,
		longest: 30 * time.Second,
		hold:    time.Second,
		timeout: 150 * time.Second,
	}
}

// poisonTries is how often a plain 500 is asked for: a busy server recovers, a
// row that breaks the answer does not.
const poisonTries = 3

// retry calls fetch until it succeeds, fails for good, or patience is spent.
// Method and path are for the errors.
func retry[T any](ctx context.Context, c *Client, patience time.Duration, method, path string, fetch func() (T, error)) (T, error) {
	p := &policy{ctx: ctx, client: c, method: method, path: path, patience: patience, exp: &backoff.ExponentialBackOff{
		InitialInterval:     c.tune.first,
		RandomizationFactor: backoff.DefaultRandomizationFactor,
		Multiplier:          2,
		MaxInterval:         c.tune.longest,
	}}
	v, err := backoff.Retry(ctx, func() (v T, err error) {
		if err = p.tooLong(); err == nil {
			v, err = fetch()
		}
		p.last = err
		return v, err
	}, backoff.WithBackOff(p), backoff.WithMaxElapsedTime(0))
	switch {
	case err == nil:
		return v, nil
	case ctx.Err() != nil:
		return v, fmt.Errorf("%s %s: %w", method, path, ctx.Err())
	}
	return v, err
}

// A policy decides after each failed attempt at one page whether and when
// there is another. The clock of its patience starts at the first failure, so
// that standing in line before the limiter costs none.
type policy struct {
	ctx      context.Context
	client   *Client
	method   string
	path     string
	patience time.Duration
	exp      *backoff.ExponentialBackOff
	last     error
	failed   int
	brief    int
	until    time.Time
}

// Reset is part of backoff.BackOff.
func (p *policy) Reset() { p.exp.Reset() }

// NextBackOff returns how long to wait after the error in last.
func (p *policy) NextBackOff() time.Duration {
	e, ok := errors.AsType[*Error](p.last)
	if !ok || !e.Transient() || e.kind == kindHeld {
		return backoff.Stop
	}
	if p.failed++; p.failed == 1 {
		p.until = time.Now().Add(p.patience)
	}
	if e.brief() {
		if p.brief++; p.brief == poisonTries {
			e.Message = joined(e.Message, fmt.Sprintf("the same %d times", p.brief))
			return backoff.Stop
		}
	}
	var wait time.Duration // none if throttled: the gate holds the request
	if !e.throttled() {
		wait = p.exp.NextBackOff()
	}
	if time.Now().Add(wait).After(p.until) {
		e.Message = joined(e.Message, fmt.Sprintf("gave up after %d attempts in %v", p.failed, p.patience))
		return backoff.Stop
	}
	p.client.counts.retries.Add(1)
	p.client.log.DebugContext(p.ctx, "request retried", "path", p.path, "status", e.Status, "attempt", p.failed, "wait", wait)
	return wait
}

// tooLong returns an error if the server holds the tenant back for longer than
// the patience that is left.
func (p *policy) tooLong() error {
	left := p.patience
	if p.failed > 0 {
		left = time.Until(p.until)
	}
	wait := p.client.gate.brake.held()
	if wait <= max(0, left) {
		return nil
	}
	e := heldFor(wait, left)
	e.Method, e.Path = p.method, p.path
	if last, ok := errors.AsType[*Error](p.last); ok {
		e.Code, e.RequestID, e.Message = last.Code, last.RequestID, joined(last.Message, e.Message)
	}
	return e
}

func joined(message, more string) string {
	if message == "" {
		return more
	}
	return message + ": " + more
}
