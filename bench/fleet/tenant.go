package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/conc/iter"

	"logto-syncer/internal/logtotest"
)

const (
	// limit and window are each tenant's rate limit. The window is so short that
	// tenants of a few requests reach the limit.
	limit  = 12
	window = 250 * time.Millisecond
	// Responses take minDelay to maxDelay, as over a network.
	minDelay = 60 * time.Millisecond
	maxDelay = 100 * time.Millisecond
)

// A tenant is simulated, and tells runs apart by their tokens.
type tenant struct {
	name   string
	server *logtotest.Server
	http   *httptest.Server

	mu         sync.Mutex
	tokens     []string       // in the order in which they were first used
	inProgress map[string]int // requests in progress by token
	concurrent bool           // two runs have read it at once
}

// newTenants starts n tenants. The caller closes each.
func newTenants(n int) []*tenant {
	tenants := make([]*tenant, n)
	iter.ForEachIdx(tenants, func(i int, t **tenant) { *t = newTenant(i) })
	return tenants
}

// newTenant starts tenant i. It has 50 to 300 users, one in a hundred has 2,000.
func newTenant(i int) *tenant {
	users := 50 + i*37%251
	if i%100 == 99 {
		users = 2000
	}
	t := &tenant{name: fmt.Sprintf("tenant-%04d", i), inProgress: map[string]int{}}
	t.server = logtotest.NewServer(logtotest.Generate(logtotest.Options{Users: users, Seed: uint64(i + 1), Ties: true}))
	t.server.Inject(logtotest.Fault{Kind: logtotest.Delay, Delay: minDelay, DelayMax: maxDelay})
	t.http = httptest.NewUnstartedServer(t)
	t.http.Config.IdleTimeout = 5 * time.Second // as that of Logto
	t.http.Start()
	return t
}

func (t *tenant) close() {
	t.http.CloseClientConnections()
	t.http.Close()
}

// yaml is its entry in the configuration.
func (t *tenant) yaml() string {
	return fmt.Sprintf("- {name: %s, endpoint: %q, resource: %q, app_id: %q, app_secret: %q, limit: {requests: %d, per: %s}}\n",
		t.name, t.http.URL, t.server.Resource, t.server.AppID, t.server.AppSecret, limit, window)
}

// ServeHTTP answers a request and records whose it is.
func (t *tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		t.trackReader(token)
		defer t.endRequest(token)
	}
	t.server.ServeHTTP(w, r)
}

func (t *tenant) trackReader(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.tokens); n == 0 || t.tokens[n-1] != token {
		t.concurrent = t.concurrent || slices.Contains(t.tokens, token) || len(t.inProgress) > 0
		t.tokens = append(t.tokens, token)
	}
	t.inProgress[token]++
}

func (t *tenant) endRequest(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.inProgress[token]--; t.inProgress[token] <= 0 {
		delete(t.inProgress, token)
	}
}

// reset forgets all requests.
func (t *tenant) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tokens, t.concurrent = nil, false
	clear(t.inProgress)
	t.server.ResetCounters()
}

// hadConcurrentRuns reports whether two runs have read the tenant at once.
func (t *tenant) hadConcurrentRuns() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.concurrent
}
