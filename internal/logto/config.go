package logto

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	defaultConcurrency  = 16
	defaultRetryTimeout = 5 * time.Minute
	defaultMaxBody      = 64 << 20
	// authenticateTimeout bounds Authenticate, at whose end a person waits.
	authenticateTimeout = 15 * time.Second
)

// Config says which tenant a Client reads and how hard it may try. Endpoint,
// AppID and AppSecret are required.
type Config struct {
	// Endpoint is the tenant's origin, like https://acme.logto.app. Tokens
	// come from its /oidc/token: the server refuses a token from another host.
	Endpoint string
	// Resource is the indicator of the Management API. Empty: Endpoint+"/api",
	// which is right for Cloud on its default domain. On self-hosted servers it is
	// https://default.logto.app/api.
	Resource string
	// AppID and AppSecret are those of a machine-to-machine application.
	AppID, AppSecret string
	// Limit is the most requests the server may get. Zero: no limit.
	Limit RateLimit
	// Concurrency is the most requests in flight at once, beside at most one for
	// a token. Without a Limit, the client finds by the latency of answers how
	// many of them it uses. 0: 16.
	Concurrency int
	// RetryTimeout is how long a request is retried after its first failure
	// before it fails for good. 0: 5 minutes.
	RetryTimeout time.Duration
	// InitialBackoff is the first pause after a failed attempt; it grows from there.
	// 0: half a second.
	InitialBackoff time.Duration
	// Log gets a server that does not answer or throttles the tenant (warn), at
	// growing intervals, and each retry (debug). nil: nothing is logged.
	Log *slog.Logger
	// MaxBody is the size in bytes of the biggest body that is read,
	// uncompressed. 0: 64 MiB.
	MaxBody int64
	// Transport sends the requests, below the rate limiter. nil: a clone of the
	// default one, tuned to how Logto closes idle connections.
	Transport http.RoundTripper
}

// normalizeConfig fills in the defaults and returns the endpoint without a slash
// at its end.
func normalizeConfig(cfg *Config) (endpoint *url.URL, err error) {
	u, err := url.Parse(cfg.Endpoint)
	switch {
	case err != nil:
		return nil, errors.New("endpoint: not a URL")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, errors.New("endpoint: must be a URL such as https://acme.logto.app")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("endpoint: must have no user, query or fragment")
	case strings.HasSuffix(strings.TrimRight(u.Path, "/"), "/api"):
		return nil, errors.New("endpoint: must not end with /api")
	case cfg.AppID == "":
		return nil, errors.New("app id: is empty")
	case cfg.AppSecret == "":
		return nil, errors.New("app secret: is empty")
	case cfg.Concurrency < 0:
		return nil, errors.New("concurrency: is negative")
	case cfg.RetryTimeout < 0:
		return nil, errors.New("retry timeout: is negative")
	case cfg.MaxBody < 0:
		return nil, errors.New("max body: is negative")
	}
	if err := cfg.Limit.check(); err != nil {
		return nil, err
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	setDefaults(cfg, u.String())
	return u, nil
}

func setDefaults(cfg *Config, endpoint string) {
	cfg.Resource = cmp.Or(cfg.Resource, endpoint+"/api")
	cfg.Concurrency = cmp.Or(cfg.Concurrency, defaultConcurrency)
	cfg.RetryTimeout = cmp.Or(cfg.RetryTimeout, defaultRetryTimeout)
	cfg.MaxBody = cmp.Or(cfg.MaxBody, defaultMaxBody)
	cfg.Log = cmp.Or(cfg.Log, slog.New(slog.DiscardHandler))
	if cfg.Transport == nil {
		cfg.Transport = newDefaultTransport(cfg.Concurrency)
	}
}
