// Package logto is a client of Logto's Management API: a token that renews
// itself, one limiter for everything that goes out to a tenant, retries around
// the fetch and the decoding of one answer, and errors that say what a caller
// has to know. It reads; it never writes to the tenant. It knows nothing of
// listings, of walks, or of where the rows go.
package logto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	defaultConcurrency = 6
	defaultPatience    = 5 * time.Minute
	defaultMaxBody     = 64 << 20
	// authPatience bounds Authenticate, at whose end a person waits.
	authPatience = 15 * time.Second
)

// Config says which tenant a Client reads and how hard it may try. Endpoint,
// AppID and AppSecret are required.
type Config struct {
	// Endpoint is the tenant's origin, like https://acme.logto.app. Tokens
	// come from its /oidc/token: the server refuses a token from another host.
	Endpoint string
	// Resource is the indicator of the Management API. Empty: Endpoint+"/api",
	// which is right for Cloud on its default domain. Self-hosted servers want
	// https://default.logto.app/api.
	Resource string
	// AppID and AppSecret are those of a machine-to-machine application.
	AppID, AppSecret string
	// Limit is the most requests the server may see. Zero: no limit.
	Limit Limit
	// Concurrency is the number of requests in flight at once, beside at most
	// one for a token. 0: 6.
	Concurrency int
	// Patience is how long one answer is tried for after its first failure,
	// before it fails for good. 0: 5 minutes.
	Patience time.Duration
	// Log hears of retries (debug) and of the server throttling the tenant
	// (warn). nil: nothing is logged.
	Log *slog.Logger
	// MaxBody is the size in bytes of the biggest body that is read,
	// uncompressed. 0: 64 MiB.
	MaxBody int64
	// Transport sends the requests, below the limiter. nil: a clone of the
	// default one, tuned to how Logto closes idle connections.
	Transport http.RoundTripper
}

// A Client reads the Management API of one tenant. It is safe for use by any
// number of goroutines; all of them share its limiter.
type Client struct {
	base     string // endpoint and /api
	patience time.Duration
	maxBody  int64
	log      *slog.Logger
	tune     tuning
	slots    chan struct{} // one element a request in flight
	http     *http.Client
	gate     *gate
	tokens   *tokens
	counts   *counts
}

// New returns a Client. It sends nothing yet; Authenticate tells whether the
// credentials are good. An error says which field of cfg is wrong.
func New(cfg Config) (*Client, error) {
	return newClient(cfg, defaultTuning())
}

func newClient(cfg Config, tune tuning) (*Client, error) {
	endpoint, err := checkConfig(&cfg)
	if err != nil {
		return nil, fmt.Errorf("configure the Logto client: %w", err)
	}
	counts := &counts{}
	gate := newGate(cfg.Limit, tune, counts, cfg.Log)
	client := &http.Client{
		Transport: &gatedTransport{next: cfg.Transport, gate: gate, counts: counts, timeout: tune.timeout},
		// The token must not follow a redirect to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Client{
		base:     endpoint + "/api",
		patience: cfg.Patience,
		maxBody:  cfg.MaxBody,
		log:      cfg.Log,
		tune:     tune,
		slots:    make(chan struct{}, cfg.Concurrency),
		http:     client,
		gate:     gate,
		tokens:   newTokens(cfg, endpoint, client),
		counts:   counts,
	}, nil
}

// checkConfig fills in the defaults and returns the endpoint without a slash
// at its end.
func checkConfig(cfg *Config) (endpoint string, err error) {
	u, err := url.Parse(cfg.Endpoint)
	switch {
	case err != nil:
		return "", errors.New("endpoint: not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return "", errors.New("endpoint: want a URL like https://acme.logto.app")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return "", errors.New("endpoint: want no user, query or fragment in the URL")
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/api"):
		return "", errors.New("endpoint: want it without /api at the end")
	case cfg.AppID == "":
		return "", errors.New("app id: is empty")
	case cfg.AppSecret == "":
		return "", errors.New("app secret: is empty")
	case cfg.Concurrency < 0:
		return "", errors.New("concurrency: is negative")
	case cfg.Patience < 0:
		return "", errors.New("patience: is negative")
	case cfg.MaxBody < 0:
		return "", errors.New("max body: is negative")
	}
	if err := cfg.Limit.check(); err != nil {
		return "", err
	}
	endpoint = strings.TrimRight(u.String(), "/")
	setDefaults(cfg, endpoint)
	return endpoint, nil
}

func setDefaults(cfg *Config, endpoint string) {
	if cfg.Resource == "" {
		cfg.Resource = endpoint + "/api"
	}
	if cfg.Concurrency == 0 {
		cfg.Concurrency = defaultConcurrency
	}
	if cfg.Patience == 0 {
		cfg.Patience = defaultPatience
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = defaultMaxBody
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Transport == nil {
		cfg.Transport = newTransport(cfg.Concurrency)
	}
}

// List gets a list: one page of it if query asks for one, the whole of it if
// the server gives it whole. Path is below /api, like "/users", with its ids
// escaped by [url.PathEscape]; query may be nil.
//
// It retries what may heal until Config.Patience is spent. The error is then
// an [*Error], or ctx's own if that ended first.
func (c *Client) List(ctx context.Context, path string, query url.Values) (Page, error) {
	return retry(ctx, c, c.patience, path, func() (Page, error) {
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
	return retry(ctx, c, c.patience, path, func() (jsontext.Value, error) {
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
	_, err := retry(ctx, c, min(c.patience, authPatience), tokenPath, func() (struct{}, error) {
		_, err := c.tokens.get(ctx)
		return struct{}{}, err
	})
	return err
}

// Stats returns what the client has done so far.
func (c *Client) Stats() Stats { return c.counts.stats() }

// Close closes the idle connections. The caller has seen all its calls return.
func (c *Client) Close() { c.http.CloseIdleConnections() }
