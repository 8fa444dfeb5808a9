package mirror_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
)

// A gateway stands before a simulated Logto and answers some requests itself,
// with a page of HTML.
type gateway struct {
	mu     sync.Mutex
	refuse func(ids int) bool // nil: it lets all through
	failed int
}

func (g *gateway) serve(server http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ids := strings.Count(r.URL.RawQuery, "search.id=")
		g.mu.Lock()
		refused := ids > 0 && g.refuse != nil && g.refuse(ids)
		if refused {
			g.failed++
		}
		g.mu.Unlock()
		if refused {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		server.ServeHTTP(w, r)
	}
}

func (g *gateway) set(refuse func(ids int) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse, g.failed = refuse, 0
}

// behind is a mirror that was read once through a gateway that let all through.
func behind(t *testing.T) (*bench, *gateway) {
	t.Helper()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 800, Seed: 5, Ties: true}))
	g := &gateway{}
	front := httptest.NewServer(g.serve(b.server))
	t.Cleanup(front.Close)
	b.runner.Client = retrying(t, b.server, front.URL, patient)
	b.runner.Log = silent()
	wantProved(t, b.run(t))
	return b, g
}

// requests is how many a run took for its listings.
func requests(s mirror.Summary) (n int) {
	for _, c := range s.Listings {
		n += c.Requests
	}
	return n
}

func moreThan(most int) func(int) bool { return func(ids int) bool { return ids > most } }

func TestTheNumberOfIDsThatAProxyLetsThroughIsLearntOnceAndKept(t *testing.T) {
	t.Parallel()
	for name, most := range map[string]int{"as nginx": 100, "fewer": 30, "one": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, g := behind(t)
			g.set(moreThan(most))
			s := b.run(t)
			wantProved(t, s)
			b.wantEqual(t)
			if s.IDBatchLimit == nil || s.IDBatchLimit.IDs > most || s.Retries > 0 {
				t.Errorf("limit %+v after %d retries, want one of at most %d ids", s.IDBatchLimit, s.Retries, most)
			}
			if g.failed > 4 {
				t.Errorf("%d requests failed until the limit was known", g.failed)
			}
			g.set(moreThan(most))
			s = b.run(t)
			wantProved(t, s)
			if g.failed > 0 || s.IDBatchLimit == nil {
				t.Errorf("%d requests failed in the run after, with the limit %+v", g.failed, s.IDBatchLimit)
			}
		})
	}
}

// The order of listings is that in which a limit in bytes would be wrong: it is
// found where answers have three links, and users, whose path is shorter too, are
// asked for with two.
func TestALimitOfOneIDHoldsForEveryListing(t *testing.T) {
	t.Parallel()
	b, g := behind(t)
	g.set(moreThan(1))
	var found atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ids := strings.Count(r.URL.RawQuery, "search.id=")
		if r.URL.Path == "/api/users" && !found.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		g.serve(b.server).ServeHTTP(w, r)
		if strings.HasPrefix(r.URL.Path, "/api/roles/") && ids == 1 {
			found.Store(true)
		}
	}))
	t.Cleanup(front.Close)
	b.runner.Client = retrying(t, b.server, front.URL, patient)
	s := b.run(t)
	wantProved(t, s)
	b.wantEqual(t)
	if s.IDBatchLimit == nil || s.IDBatchLimit.IDs != 1 || g.failed > 4 {
		t.Errorf("limit %+v after %d failed requests, want 1 id after at most 4", s.IDBatchLimit, g.failed)
	}
}

func TestALimitThatHasBecomeSmallerIsFound(t *testing.T) {
	t.Parallel()
	b, g := behind(t)
	for _, most := range []int{100, 80, 20} {
		g.set(moreThan(most))
		s := b.run(t)
		wantProved(t, s)
		b.wantEqual(t)
		if s.IDBatchLimit == nil || s.IDBatchLimit.IDs > most || s.Retries > 0 {
			t.Errorf("limit %+v after %d retries, want one of at most %d ids", s.IDBatchLimit, s.Retries, most)
		}
	}
}

func TestAnOutageIsNotTakenForALimit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ failures, from int }{
		"one large request fails": {1, 250}, "one request fails": {1, 1}, "some fail": {3, 1}, "many fail": {12, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, g := behind(t)
			before := requests(b.run(t))
			left := tc.failures
			g.set(func(ids int) bool {
				if ids < tc.from {
					return false
				}
				left--
				return left >= 0
			})
			s := b.run(t)
			wantProved(t, s)
			if s.IDBatchLimit != nil {
				t.Errorf("learnt %+v", s.IDBatchLimit)
			}
			g.set(nil)
			if s = b.run(t); requests(s) != before {
				t.Errorf("%d requests after the outage, want %d as before it", requests(s), before)
			}
		})
	}
}

func TestAnOldLimitIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	b, g := behind(t)
	before := requests(b.run(t))
	g.set(moreThan(50))
	wantProved(t, b.run(t))
	g.set(nil)
	if s := b.run(t); s.IDBatchLimit == nil {
		t.Error("the limit is not kept")
	}
	if _, err := b.pool.Exec(t.Context(), "update syncer.tenants set request_limit_found_at = request_limit_found_at - $1::interval", 31*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s := b.run(t); s.IDBatchLimit != nil || requests(s) != before {
			t.Errorf("limit %+v, %d requests, want none and %d", s.IDBatchLimit, requests(s), before)
		}
	}
}
