package logto

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
)

// idleTimeout is a second less than the server's own: it closes a connection
// after about 5 s of idle time, and resets what is sent on it afterwards.
const idleTimeout = 4 * time.Second

var errTimeout = errors.New("no complete answer in time")

// newDefaultTransport keeps one connection for each request that may be in flight and
// one for the token.
func newDefaultTransport(concurrency int) http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport // somebody replaced it, and will know why
	}
	t = t.Clone()
	t.IdleConnTimeout = idleTimeout
	t.MaxIdleConnsPerHost = concurrency + 1
	t.OnProxyConnectResponse = func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
		if resp.StatusCode == http.StatusProxyAuthRequired {
			return errProxyLogin
		}
		return nil
	}
	return t
}

// A rateLimitedTransport sends every request through the rate limiter, counts it, and bounds
// its time from there to the end of the body.
type rateLimitedTransport struct {
	next        http.RoundTripper
	limiter     *rateLimiter
	concurrency *concurrencyLimiter
	counts      *requestCounts
	timeout     time.Duration
}

// RoundTrip sends one request. It is below oauth2, so that requests for tokens
// pass here too.
//
// A server or proxy closes a kept connection when it was idle for a while, or
// after its share of requests, and a request that was just sent on it fails. That
// is no trouble of the server's: the request is sent again at once, on a fresh
// connection. No request of this package changes anything, so that may be
// done to those for tokens as well.
func (t *rateLimitedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	for last := maxReconnects; ; last-- {
		resp, kept, err := t.sendOnce(req)
		if err == nil || !kept || last == 0 || req.Context().Err() != nil || errors.Is(err, errTimeout) {
			return resp, err
		}
		t.CloseIdleConnections() // which may be about to be closed as well
	}
}

// maxReconnects bounds how often a request finds its kept connection closed: with
// HTTP/2 the fresh one may be another request's, and at its end again.
const maxReconnects = 5

// sendOnce lets a request through the rate limiter and sends it. It reports whether
// it went out on a connection that had been used before.
func (t *rateLimitedTransport) sendOnce(req *http.Request) (resp *http.Response, kept bool, err error) {
	done, err := t.limiter.acquire(req.Context())
	if err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeoutCause(req.Context(), t.timeout, errTimeout)
	out := req.Clone(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(conn httptrace.GotConnInfo) { kept = conn.Reused },
	}))
	out.Body, out.GetBody = unreplayableBody{}, nil
	if req.GetBody != nil {
		if out.Body, err = req.GetBody(); err != nil {
			cancel()
			return nil, false, err
		}
	}
	t.counts.requests.Add(1)
	sent := time.Now()
	resp, err = t.next.RoundTrip(out)
	done()
	if err != nil {
		err = asTimeoutError(ctx, err)
		t.concurrency.observe(req.URL, sent, 0, err)
		cancel()
		return nil, kept, err
	}
	t.concurrency.observe(req.URL, sent, resp.StatusCode, nil)
	if after := parseRetryAfter(resp.Header, time.Now()); isThrottling(resp.StatusCode, after) {
		t.counts.throttled.Add(1)
		t.limiter.throttle.pause(sent, after)
	} else if resp.StatusCode < 500 {
		t.limiter.throttle.resetBackoff(sent)
	}
	resp.Body = &cancelOnCloseBody{ReadCloser: resp.Body, ctx: ctx, cancel: cancel}
	return resp, kept, nil
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (t *rateLimitedTransport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// unreplayableBody is an empty body that cannot be had twice. A GET without a body is
// sent again by [http.Transport] itself when a kept connection breaks: past the
// rate limiter, uncounted.
type unreplayableBody struct{}

// Read returns io.EOF.
func (unreplayableBody) Read([]byte) (int, error) { return 0, io.EOF }

// Close does nothing.
func (unreplayableBody) Close() error { return nil }

// cancelOnCloseBody ends the time-out of its request when it is closed.
type cancelOnCloseBody struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelFunc
}

// Read names the time-out instead of the cancellation it works by.
func (b *cancelOnCloseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = asTimeoutError(b.ctx, err)
	}
	return n, err
}

// Close closes the body.
func (b *cancelOnCloseBody) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

func asTimeoutError(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return errTimeout
	}
	return err
}
