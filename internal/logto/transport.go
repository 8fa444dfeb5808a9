package logto

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// idleTimeout is a second less than the server's own: it closes a connection
// that idles about 5 s, and resets what is sent on it afterwards.
const idleTimeout = 4 * time.Second

var errTimeout = errors.New("no complete answer in time")

// newTransport keeps one connection for each request that may be in flight and
// one for the token.
func newTransport(concurrency int) http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // somebody replaced it, and will know why
	}
	t = t.Clone()
	t.IdleConnTimeout = idleTimeout
	t.MaxIdleConnsPerHost = concurrency + 1
	return t
}

// A gatedTransport takes every request through the gate, counts it, and bounds
// its time from there to the end of the body.
type gatedTransport struct {
	next    http.RoundTripper
	gate    *gate
	level   *level
	counts  *counts
	timeout time.Duration
}

// RoundTrip sends one request. It is below oauth2, so that requests for tokens
// pass here too.
func (t *gatedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	done, err := t.gate.pass(req.Context())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(req.Context(), t.timeout, errTimeout)
	out := req.Clone(ctx)
	if out.Body == nil {
		out.Body = noReplay{}
	}
	t.counts.requests.Add(1)
	sent := time.Now()
	resp, err := t.next.RoundTrip(out)
	done()
	if err != nil {
		err = cause(ctx, err)
		t.level.heard(req.URL, sent, 0, err)
		cancel()
		return nil, err
	}
	t.level.heard(req.URL, sent, resp.StatusCode, nil)
	if after := parseRetryAfter(resp.Header, time.Now()); throttles(resp.StatusCode, after) {
		t.counts.throttled.Add(1)
		t.gate.brake.hold(sent, after)
	} else if resp.StatusCode < 500 {
		t.gate.brake.heal(sent)
	}
	resp.Body = &body{ReadCloser: resp.Body, ctx: ctx, cancel: cancel}
	return resp, nil
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (t *gatedTransport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// noReplay is an empty body that cannot be had twice. A GET without a body is
// sent again by [http.Transport] itself when a kept connection breaks: past the
// gate, uncounted.
type noReplay struct{}

// Read returns io.EOF.
func (noReplay) Read([]byte) (int, error) { return 0, io.EOF }

// Close does nothing.
func (noReplay) Close() error { return nil }

// body ends the time-out of its request when it is closed.
type body struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelFunc
}

// Read names the time-out instead of the cancellation it works by.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = cause(b.ctx, err)
	}
	return n, err
}

// Close closes the body.
func (b *body) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

func cause(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return errTimeout
	}
	return err
}
