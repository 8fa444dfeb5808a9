// Package logto is a client of Logto's Management API: a token that renews
// itself, one rate limiter for all requests to a tenant, retries around
// the fetch and the decoding of one answer, and errors that say what a caller
// has to know. It reads; it never writes to the tenant. It knows nothing of
// listings, of walks, or of where the rows go.
package logto

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A Client reads the Management API of one tenant. It is safe for use by any
// number of goroutines; all of them share its rate limiter.
type Client struct {
	waiting      *retryTracker
	base         string // endpoint and /api
	prefix       string // the path in base
	retryTimeout time.Duration
	maxBody      int64
	log          *slog.Logger
	tuning       timingConfig
	concurrency  *concurrencyLimiter
	http         *http.Client
	limiter      *rateLimiter
	tokens       *tokenSource
	counts       *requestCounts
	probes       bool // returns a 404 in plain text at once
}

// New returns a Client. It sends nothing yet; Authenticate tells whether the
// credentials are good. An error says which field of cfg is wrong.
func New(cfg Config) (*Client, error) {
	tune := defaultTimingConfig()
	if cfg.InitialBackoff > 0 {
		tune.initialBackoff, tune.initialPause, tune.maxBackoff = cfg.InitialBackoff, 2*cfg.InitialBackoff, 60*cfg.InitialBackoff
	}
	return newWithTimings(cfg, tune)
}

func newWithTimings(cfg Config, tune timingConfig) (*Client, error) {
	endpoint, err := normalizeConfig(&cfg)
	if err != nil {
		return nil, fmt.Errorf("configure the Logto client: %w", err)
	}
	counts := &requestCounts{}
	limiter := newRateLimiter(cfg, tune, counts)
	prefix := endpoint.EscapedPath() + "/api"
	concurrency := newConcurrencyLimiter(cfg, prefix, func(n int) { cfg.Log.Debug("limit of requests in flight changed", "limit", n) })
	client := &http.Client{
		Transport: &rateLimitedTransport{next: cfg.Transport, limiter: limiter, concurrency: concurrency, counts: counts, timeout: tune.timeout},
		// The token must not follow a redirect to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Client{
		waiting:      &retryTracker{log: cfg.Log, requests: map[*retryPolicy]Waiting{}},
		base:         endpoint.String() + "/api",
		prefix:       prefix,
		retryTimeout: cfg.RetryTimeout,
		maxBody:      cfg.MaxBody,
		log:          cfg.Log,
		tuning:       tune,
		concurrency:  concurrency,
		http:         client,
		limiter:      limiter,
		tokens:       newTokenSource(cfg, endpoint, client),
		counts:       counts,
	}, nil
}

// SetTimeSinceLastRequest tells a client, before its first request, how long ago the last
// request to the tenant may have been sent by an earlier user of its limit.
// Without it, the client assumes that it was a moment ago, and waits until the
// limit allows more. After the client's first request it does nothing.
func (c *Client) SetTimeSinceLastRequest(ago time.Duration) { c.limiter.setTimeSinceLastRequest(ago) }

// List gets a list: one page of it if query asks for one, the whole of it if
// the server gives it whole. Path is below /api, like "/users", with its ids
// escaped by [url.PathEscape]; query may be nil.
//
// It retries what may heal until Config.RetryTimeout has passed. The error is then
// an [*Error], or ctx's own if that ended first.
func (c *Client) List(ctx context.Context, path string, query url.Values) (Page, error) {
	return retry(ctx, c, c.retryTimeout, http.MethodGet, c.prefix+path, func() (Page, error) { return c.fetchPage(ctx, path, query) })
}

// ListOnce is List without retries, for a request that may be refused for its
// size: see [IsRequestTooLarge].
func (c *Client) ListOnce(ctx context.Context, path string, query url.Values) (Page, error) {
	page, err := c.fetchPage(ctx, path, query)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%s %s: %w", http.MethodGet, c.prefix+path, ctx.Err())
	}
	return page, err
}

func (c *Client) fetchPage(ctx context.Context, path string, query url.Values) (Page, error) {
	a, err := c.getWithToken(ctx, path, query)
	if err != nil {
		return Page{}, err
	}
	items, err := splitArray(a.body)
	if err != nil {
		return Page{}, a.invalid("a JSON array", err)
	}
	date, _ := http.ParseTime(a.header.Get("Date")) // zero if there is none
	return Page{
		Items:     items,
		Total:     parseTotal(a.header),
		Capped:    parseTotalCapped(a.header),
		Date:      date,
		RequestID: parseRequestID(a.header),
		Header:    responseHeaderStats(a.header),
	}, nil
}

// Object gets one JSON object, like "/users/{id}". For path, query and errors
// see [Client.List].
func (c *Client) Object(ctx context.Context, path string, query url.Values) (jsontext.Value, error) {
	return retry(ctx, c, c.retryTimeout, http.MethodGet, c.prefix+path, func() (jsontext.Value, error) {
		a, err := c.getWithToken(ctx, path, query)
		if err != nil {
			return nil, err
		}
		v, err := parseObject(a.body)
		if err != nil {
			return nil, a.invalid("a JSON object", err)
		}
		return v, nil
	})
}

// WithoutUnknownPathRetries returns a Client that shares everything with c, but returns an error of
// which [IsUnknownPath] is true at once, where c tries again as after any other
// outage. It is for paths that an older server may not have.
func (c *Client) WithoutUnknownPathRetries() *Client {
	probe := *c
	probe.probes = true
	return &probe
}

// Authenticate makes sure of a token that has the scope "all". It tries for 15
// seconds at most, or for Config.RetryTimeout if that is less.
func (c *Client) Authenticate(ctx context.Context) error {
	_, err := retry(ctx, c, min(c.retryTimeout, authenticateTimeout), http.MethodPost, c.tokens.path, func() (struct{}, error) {
		_, err := c.tokens.get(ctx, nil)
		return struct{}{}, err
	})
	return err
}

// OnRetryWaiting lets f be called when a request has failed and is going to be tried
// again, after each further failure, and with nil when no request waits any more.
// Calls come one at a time and hold up retries: f must not block. None comes after
// remove has returned.
func (c *Client) OnRetryWaiting(f func(*Waiting)) (remove func()) { return c.waiting.listen(f) }

// Stats returns what the client has done so far.
func (c *Client) Stats() Stats { return c.counts.stats() }

// Close closes the idle connections. The caller has seen all its calls return.
func (c *Client) Close() { c.http.CloseIdleConnections() }
