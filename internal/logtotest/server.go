package logtotest

import (
	"net/http"
	"time"
)

// A Server answers for one Tenant. The exported fields are set by New and Start
// and only read afterwards.
type Server struct {
	URL       string  // "http://127.0.0.1:port" after Start, "" after New
	AppID     string  // a machine-to-machine application that may read everything
	AppSecret string  // its secret
	Resource  string  // the Management API's resource indicator
	Tenant    *Tenant // the state, to change and to compare with
}

// An Option changes how a Server behaves from the start.
type Option func(*Server)

// Orderly takes the bad habits away: ties and unordered lists come in one fixed
// order. Nothing of it can be relied on with a real Logto.
func Orderly() Option { return func(*Server) {} }

// New makes a Server to be mounted or served by the caller.
func New(t *Tenant, opts ...Option) *Server { return &Server{Tenant: t} }

// Start is New, listening on a free port of the loopback interface. The caller
// closes it. It panics when it cannot listen, as httptest does.
func Start(t *Tenant, opts ...Option) *Server { return New(t, opts...) }

// Close stops a started Server, cutting open connections, and waits for its
// handlers. It is safe to call twice.
func (s *Server) Close() {}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// OnRequest sets a function that is called before a request is answered, with
// the number of the request (from 1, tokens not counted). It may change the
// Tenant. nil takes it away. Calls may overlap when requests do.
func (s *Server) OnRequest(f func(n int, r *http.Request)) {}

// BetweenStatements is OnRequest for the moment between the two statements of a
// paged listing: after the count, before the rows.
func (s *Server) BetweenStatements(f func(n int, r *http.Request)) {}

// SetTokenTTL sets how long tokens issued from now on live; 0 is an hour.
func (s *Server) SetTokenTTL(d time.Duration) {}

// SetTokenScope sets what scope tokens issued from now on are granted at most:
// "" issues tokens that may nothing, "all" is the default.
func (s *Server) SetTokenScope(scope string) {}

// RevokeTokens makes every token issued so far answer 401.
func (s *Server) RevokeTokens() {}

// SetVersion makes the server behave as an older one ("1.24"): lists that were
// not optional then page anyway, endpoints that did not exist answer 404 in plain
// text, organization users come unordered. "" is the newest.
func (s *Server) SetVersion(version string) {}
