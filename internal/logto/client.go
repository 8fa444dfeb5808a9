// Package logto is a client of Logto's Management API: a token that renews
// itself, one limiter for everything that goes out to a tenant, retries around
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
// number of goroutines; all of them share its limiter.
type Client struct {
	base     string // endpoint and /api
	prefix   string // the path in base
	patience time.Duration
	maxBody  int64
	log      *slog.Logger
	tune     tuning
	level    *level
	http     *http.Client
	gate     *gate
	tokens   *tokens
	counts   *counts
}

// New returns a Client. It sends nothing yet; Authenticate tells whether the
// credentials are good. An error says which field of cfg is wrong.
func New(cfg Config) (*Client, error) {
	tune := defaultTuning()
	if cfg.Backoff > 0 {
		tune.first, tune.hold, tune.longest = cfg.Backoff, 2*cfg.Backoff, 60*cfg.Backoff
	}
	return newClient(cfg, tune)
}

func newClient(cfg Config, tune tuning) (*Client, error) {
	endpoint, err := checkConfig(&cfg)
	if err != nil {
		return nil, fmt.Errorf("configure the Logto client: %w", err)
	}
	counts := &counts{}
	gate := newGate(cfg, tune, counts)
	prefix := endpoint.EscapedPath() + "/api"
	level := newLevel(cfg, prefix, func(n int) { cfg.Log.Debug("requests in flight", "at_most", n) })
	client := &http.Client{
		Transport: &gatedTransport{next: cfg.Transport, gate: gate, level: level, counts: counts, timeout: tune.timeout},
		// The token must not follow a redirect to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Client{
		base:     endpoint.String() + "/api",
		prefix:   prefix,
		patience: cfg.Patience,
		maxBody:  cfg.MaxBody,
		log:      cfg.Log,
		tune:     tune,
		level:    level,
		http:     client,
		gate:     gate,
		tokens:   newTokens(cfg, endpoint, client),
		counts:   counts,
	}, nil
}

// Rested tells a client, before its first request, how long ago the last
// request to the tenant may have been sent by whoever used this limit before.
// Without being told, the client assumes that it was a moment ago, and waits
// until the limit allows more. A client that has sent requests knows better.
func (c *Client) Rested(ago time.Duration) { c.gate.rested(ago) }

// List gets a list: one page of it if query asks for one, the whole of it if
// the server gives it whole. Path is below /api, like "/users", with its ids
// escaped by [url.PathEscape]; query may be nil.
//
// It retries what may heal until Config.Patience is spent. The error is then
// an [*Error], or ctx's own if that ended first.
func (c *Client) List(ctx context.Context, path string, query url.Values) (Page, error) {
	return retry(ctx, c, c.patience, http.MethodGet, c.prefix+path, func() (Page, error) {
		a, err := c.get(ctx, path, query)
		if err != nil {
			return Page{}, err
		}
		items, err := splitArray(a.body)
		if err != nil {
			return Page{}, a.garbage("a JSON array", err)
		}
		return Page{
			Items:     items,
			Total:     parseTotal(a.header),
			Capped:    parseCapped(a.header),
			RequestID: parseRequestID(a.header),
		}, nil
	})
}

// Object gets one JSON object, like "/users/{id}". For path, query and errors
// see [Client.List].
func (c *Client) Object(ctx context.Context, path string, query url.Values) (jsontext.Value, error) {
	return retry(ctx, c, c.patience, http.MethodGet, c.prefix+path, func() (jsontext.Value, error) {
		a, err := c.get(ctx, path, query)
		if err != nil {
			return nil, err
		}
		v, err := oneObject(a.body)
		if err != nil {
			return nil, a.garbage("a JSON object", err)
		}
		return v, nil
	})
}

// Authenticate makes sure of a token that has the scope "all". It tries for 15
// seconds at most, or for Config.Patience if that is less.
func (c *Client) Authenticate(ctx context.Context) error {
	_, err := retry(ctx, c, min(c.patience, authPatience), http.MethodPost, c.tokens.path, func() (struct{}, error) {
		_, err := c.tokens.get(ctx, nil)
		return struct{}{}, err
	})
	return err
}

// Stats returns what the client has done so far.
func (c *Client) Stats() Stats { return c.counts.stats() }

// Close closes the idle connections. The caller has seen all its calls return.
func (c *Client) Close() { c.http.CloseIdleConnections() }
