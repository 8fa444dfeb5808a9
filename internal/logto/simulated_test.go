package logto_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"

	"github.com/google/go-cmp/cmp"
	"github.com/sourcegraph/conc/pool"
)

func start(t *testing.T) *logtotest.Server {
	t.Helper()
	s := logtotest.Start(logtotest.Generate(logtotest.Options{Users: 250, Seed: 1}), logtotest.Orderly())
	t.Cleanup(s.Close)
	return s
}

func client(t *testing.T, s *logtotest.Server, change func(*logto.Config)) *logto.Client {
	t.Helper()
	cfg := logto.Config{Endpoint: s.URL, Resource: s.Resource, AppID: s.AppID, AppSecret: s.AppSecret}
	change(&cfg)
	c, err := logto.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func asItIs(*logto.Config) {}

func page(n int) url.Values {
	return url.Values{"page": {fmt.Sprint(n)}, "page_size": {"100"}}
}

// readAll reads the three pages of users in parallel, again and again.
func readAll(ctx context.Context, c *logto.Client, times int) (rows int, err error) {
	var n atomic.Int64
	p := pool.New().WithContext(ctx).WithMaxGoroutines(6).WithCancelOnError().WithFirstError()
	for i := range 3 * times {
		p.Go(func(ctx context.Context) error {
			page, err := c.List(ctx, "/users", page(1+i%3))
			n.Add(int64(len(page.Items)))
			return err
		})
	}
	err = p.Wait()
	return int(n.Load()), err
}

func TestClientReadsASimulatedTenantWhateverHappens(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]func(*logtotest.Server){
		"nothing happens":            func(*logtotest.Server) {},
		"connections are reset":      func(s *logtotest.Server) { s.Inject(logtotest.Fault{Kind: logtotest.Reset, Count: 2}) },
		"bodies are cut":             func(s *logtotest.Server) { s.Inject(logtotest.Fault{Kind: logtotest.Truncate, Count: 2}) },
		"a proxy answers in HTML":    func(s *logtotest.Server) { s.Inject(logtotest.Fault{Kind: logtotest.HTML, Count: 2}) },
		"the body is no JSON":        func(s *logtotest.Server) { s.Inject(logtotest.Fault{Kind: logtotest.Garbage, Count: 2}) },
		"connections close":          func(s *logtotest.Server) { s.Inject(logtotest.Fault{Kind: logtotest.Close, Count: 2}) },
		"the token is revoked":       func(s *logtotest.Server) { s.Inject(logtotest.Fault{Kind: logtotest.Revoke, Count: 1}) },
		"the server throttles":       func(s *logtotest.Server) { s.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 429, Count: 1}) },
		"the server is busy":         func(s *logtotest.Server) { s.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 500, Count: 1}) },
		"the server is being rolled": func(s *logtotest.Server) { s.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 502, Count: 2}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			trouble(s)
			c := client(t, s, asItIs)
			rows, err := readAll(t.Context(), c, 1)
			if err != nil || rows != 250 {
				t.Errorf("%d rows, %v; want 250", rows, err)
			}
			// The server counts its tokens and its other requests apart.
			seen := s.Counters()
			if have := c.Stats().Requests; have != int64(seen.Requests+seen.Tokens) {
				t.Errorf("the client counts %d requests, the server %d and %d tokens", have, seen.Requests, seen.Tokens)
			}
		})
	}
}

func TestClientStaysBelowTheLimitAsTheServerCounts(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Inject(logtotest.Fault{Kind: logtotest.Delay, DelayMax: 100 * time.Millisecond})
	s.Throttle(20, time.Second, true)
	// A new client every ten pages: a process that is started again and again.
	for range 4 {
		c := client(t, s, func(cfg *logto.Config) { cfg.Limit = logto.RateLimit{Requests: 20, Per: time.Second} })
		if _, err := readAll(t.Context(), c, 4); err != nil {
			t.Fatal(err)
		}
		if n := c.Stats().Throttled; n != 0 {
			t.Errorf("%d requests throttled", n)
		}
	}
	if n := s.MaxRequestsIn(time.Second); n > 20 {
		t.Errorf("%d requests in a second, the limit is 20", n)
	}
	if n := s.Counters().MaxConcurrent; n > 6 {
		t.Errorf("%d requests in progress, want 6 at most", n)
	}
}

func TestErrorsOfASimulatedTenantAreTold(t *testing.T) {
	t.Parallel()
	type verdict struct{ NotFound, UnknownPath, Poison, Auth bool }
	for name, tc := range map[string]struct {
		path    string
		trouble func(*logtotest.Server)
		change  func(*logto.Config)
		want    verdict
		text    string
	}{
		"a user who is not there":      {"/users/nope/roles", nil, asItIs, verdict{NotFound: true}, "entity.not_found"},
		"a listing of a newer version": {"/nope", nil, asItIs, verdict{UnknownPath: true}, "too old"},
		"a listing that is missing": {"/users", func(s *logtotest.Server) {
			s.Inject(logtotest.Fault{Kind: logtotest.Missing})
		}, asItIs, verdict{UnknownPath: true}, "too old"},
		"a row that breaks its page": {"/users", func(s *logtotest.Server) {
			s.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 500})
		}, asItIs, verdict{Poison: true}, "status 500"},
		"a wrong secret":         {"/users", nil, func(cfg *logto.Config) { cfg.AppSecret = "wrong" }, verdict{Auth: true}, "app secret is wrong"},
		"an unknown application": {"/users", nil, func(cfg *logto.Config) { cfg.AppID = "nosuchapp" }, verdict{Auth: true}, "app id"},
		"a wrong resource":       {"/users", nil, func(cfg *logto.Config) { cfg.Resource = "https://x.example" }, verdict{Auth: true}, "resource"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if tc.trouble != nil {
				tc.trouble(s)
			}
			_, err := client(t, s, tc.change).WithoutUnknownPathRetries().List(t.Context(), tc.path, page(1))
			have := verdict{logto.IsNotFound(err), logto.IsUnknownPath(err), logto.IsPoison(err), logto.IsAuth(err)}
			if diff := cmp.Diff(tc.want, have); diff != "" {
				t.Errorf("verdict of %v (-want +got):\n%s", err, diff)
			}
			if err == nil || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %v lacks %q", err, tc.text)
			}
		})
	}
}
