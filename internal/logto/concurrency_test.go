package logto

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// queueServer is a server with a number of workers, in synctest's time: requests
// queue until one is free.
type queueServer struct {
	workers     chan struct{}
	serviceTime func() time.Duration // what a worker needs for an answer
	status      func() int
}

// newQueueServer returns a server of so many workers, each of which takes
// serviceTime for an answer.
func newQueueServer(workers int, takes func() time.Duration) *queueServer {
	return &queueServer{make(chan struct{}, workers), takes, func() int { return http.StatusOK }}
}

func (o *queueServer) serve() int {
	o.workers <- struct{}{}
	defer func() { <-o.workers }()
	_ = sleep(context.Background(), o.serviceTime()) // in the bubble
	return o.status()
}

// run sends n requests to o, as many at once as l allows, and returns how long
// that took.
func (o *queueServer) run(t *testing.T, l *concurrencyLimiter, n int, path string) time.Duration {
	t.Helper()
	began := time.Now()
	var wg sync.WaitGroup
	left := make(chan struct{}, n)
	for range n {
		left <- struct{}{}
	}
	close(left)
	u := &url.URL{Path: path}
	for range 2 * l.ceiling {
		wg.Go(func() {
			for range left {
				if err := l.acquire(t.Context()); err != nil {
					t.Error(err)
					return
				}
				sent := time.Now()
				l.observe(u, sent, o.serve(), nil)
				l.release()
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

func constant(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// spread is between with an origin of its own, for any number of callers.
func spread(from, to time.Duration) func() time.Duration {
	r := rand.New(rand.NewPCG(1, 2))
	var mu sync.Mutex
	takes := between(r, from, to)
	return func() time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return takes()
	}
}

// base is the limit outside probes.
func (c *concurrencyLimiter) base() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limitAfterHalvings(c.baseHalvings)
}

const usersPath = "/api/users"

func TestConcurrencyFindsWhatTheServerAnswersWell(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ceiling, workers int
		takes            func() time.Duration
		low, high        int
	}{
		"one worker":                         {16, 1, constant(10 * time.Millisecond), 1, 1},
		"two":                                {16, 2, constant(10 * time.Millisecond), 2, 2},
		"four, some answers slow":            {16, 4, spread(5*time.Millisecond, 30*time.Millisecond), 4, 4},
		"six":                                {16, 6, constant(10 * time.Millisecond), 8, 8},
		"more than are asked":                {16, 100, constant(5 * time.Millisecond), 16, 16},
		"more than are asked, far away":      {16, 100, spread(50*time.Millisecond, 400*time.Millisecond), 16, 16},
		"a ceiling that is no power of two":  {10, 100, constant(5 * time.Millisecond), 10, 10},
		"a ceiling of one":                   {1, 100, constant(5 * time.Millisecond), 1, 1},
		"a high ceiling, a small server":     {64, 3, constant(10 * time.Millisecond), 2, 4},
		"a high ceiling, a server with room": {64, 100, constant(10 * time.Millisecond), 64, 64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newConcurrencyLimiter(Config{Concurrency: tc.ceiling}, "/api", func(int) {})
				newQueueServer(tc.workers, tc.takes).run(t, l, 2000, usersPath)
				if n := l.base(); n < tc.low || n > tc.high {
					t.Errorf("%d requests at once, want %d to %d", n, tc.low, tc.high)
				}
			})
		})
	}
}

func TestConcurrencyIsTheCeilingWhereThereIsARateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newConcurrencyLimiter(Config{Concurrency: 16, Limit: RateLimit{200, 10 * time.Second}}, "/api", func(int) {})
		if n := l.base(); n != 16 {
			t.Errorf("%d requests at once to begin with, want 16", n)
		}
		newQueueServer(2, constant(10*time.Millisecond)).run(t, l, 1000, usersPath)
		if n := l.base(); n != 16 {
			t.Errorf("%d requests at once in the end, want 16", n)
		}
	})
}

func TestAdaptingConcurrencyCostsLittleWhereTheServerHasRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n, each = 10_000, 5 * time.Millisecond
		took := newQueueServer(1000, constant(each)).run(t, newConcurrencyLimiter(Config{Concurrency: 16}, "/api", func(int) {}), n, usersPath)
		// In synctest's time this is no measurement: what a look down and the
		// beginning cost is always the same.
		if ideal := n / 16 * each; took > ideal*105/100 {
			t.Errorf("took %v, all of it at the ceiling %v", took, ideal)
		}
	})
}

func TestConcurrencyGoesDownWhenTheServerBecomesBusyAndUpAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newConcurrencyLimiter(Config{Concurrency: 16}, "/api", func(int) {})
		o := newQueueServer(100, constant(5*time.Millisecond))
		o.run(t, l, 1000, usersPath)
		if n := l.base(); n != 16 {
			t.Fatalf("%d requests at once, want 16", n)
		}
		busy := newQueueServer(2, constant(5*time.Millisecond))
		busy.run(t, l, 5000, usersPath)
		if n := l.base(); n != 2 {
			t.Errorf("%d requests at once to a server with two workers left, want 2", n)
		}
		o.run(t, l, 5000, usersPath)
		if n := l.base(); n != 16 {
			t.Errorf("%d requests at once to one that has room again, want 16", n)
		}
	})
}

func TestConcurrencyDoesNotMistakeSlowRequestsForASlowServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newConcurrencyLimiter(Config{Concurrency: 16}, "/api", func(int) {})
		// Ever later pages take ever longer, and in the end something is asked
		// for that takes ten times as long.
		late := time.Duration(0)
		var mu sync.Mutex
		o := newQueueServer(100, func() time.Duration {
			mu.Lock()
			defer mu.Unlock()
			late += 5 * time.Microsecond
			return 5*time.Millisecond + late
		})
		o.run(t, l, 2000, usersPath)
		newQueueServer(100, constant(100*time.Millisecond)).run(t, l, 1000, "/api/users/x/roles")
		if n := l.base(); n != 16 {
			t.Errorf("%d requests at once, want 16", n)
		}
	})
}

func TestAConcurrencyProbeEndsWhenOtherRequestsAreMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newConcurrencyLimiter(Config{Concurrency: 16}, "/api", func(int) {})
		// It goes up to see how quickly users come, and nobody asks for users.
		newQueueServer(100, constant(5*time.Millisecond)).run(t, l, minSamples+1, usersPath)
		newQueueServer(2, constant(5*time.Millisecond)).run(t, l, 3000, "/api/users/x/roles")
		if n := l.base(); n != 2 {
			t.Errorf("%d requests at once to a server with two workers, want 2", n)
		}
	})
}

func TestUnusedConcurrencyIsNotChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newConcurrencyLimiter(Config{Concurrency: 16}, "/api", func(int) {})
		o := newQueueServer(1, constant(5*time.Millisecond))
		for range 1000 { // one after another
			if err := l.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			sent := time.Now()
			l.observe(&url.URL{Path: usersPath}, sent, o.serve(), nil)
			l.release()
		}
		if n := l.base(); n != initialConcurrency {
			t.Errorf("%d requests at once, want the %d it began with", n, initialConcurrency)
		}
	})
}

func TestConcurrencyDoesNotTakeAnErrorForAQuickAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newConcurrencyLimiter(Config{Concurrency: 16}, "/api", func(int) {})
		o := newQueueServer(2, constant(5*time.Millisecond))
		o.status = func() int { return http.StatusNotFound }
		o.run(t, l, 1000, usersPath)
		if n := l.base(); n != initialConcurrency {
			t.Errorf("%d requests at once, want the %d it began with", n, initialConcurrency)
		}
	})
}

func TestConcurrencyIsHalvedOnceWhenTheServerSaysItIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newConcurrencyLimiter(Config{Concurrency: 16}, "/api", func(int) {})
		o := newQueueServer(100, constant(5*time.Millisecond))
		o.run(t, l, 1000, usersPath)
		for _, status := range []int{http.StatusBadGateway, http.StatusServiceUnavailable} {
			want := l.base() / 2
			sent := time.Now()
			_ = sleep(t.Context(), time.Second)
			for range 10 { // which were out together
				l.observe(&url.URL{Path: usersPath}, sent, status, nil)
			}
			if n := l.base(); n != want {
				t.Errorf("%d requests at once after %d, want %d", n, status, want)
			}
		}
		sent := time.Now()
		_ = sleep(t.Context(), time.Second)
		l.observe(&url.URL{Path: usersPath}, sent, http.StatusInternalServerError, nil)
		l.observe(&url.URL{Path: usersPath}, sent, http.StatusTooManyRequests, nil)
		l.observe(&url.URL{Path: usersPath}, sent, 0, context.Canceled)
		l.observe(&url.URL{Path: "/oidc/token"}, sent, http.StatusServiceUnavailable, nil)
		if n := l.base(); n != 4 {
			t.Errorf("%d requests at once after what says nothing of how busy the server is, want 4", n)
		}
		for range 10 {
			sent := time.Now()
			_ = sleep(t.Context(), time.Second)
			l.observe(&url.URL{Path: usersPath}, sent, 0, errTimeout)
		}
		if n := l.base(); n != 1 {
			t.Errorf("%d requests at once after time-outs, want 1", n)
		}
		if o.run(t, l, 5000, usersPath); l.base() != 16 {
			t.Errorf("%d requests at once in the end, want 16", l.base())
		}
	})
}

func TestConcurrencyNeverExceedsTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		l := newConcurrencyLimiter(Config{Concurrency: 13}, "/api", func(int) {})
		var mu sync.Mutex
		out := 0
		o := newQueueServer(3, spread(time.Millisecond, 20*time.Millisecond))
		o.status = func() int {
			mu.Lock()
			defer mu.Unlock()
			if r.IntN(100) == 0 {
				return http.StatusServiceUnavailable
			}
			return http.StatusOK
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				for range 100 {
					if err := l.acquire(t.Context()); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if out++; out > 13 {
						t.Errorf("%d requests at once, the ceiling is 13", out)
					}
					mu.Unlock()
					sent := time.Now()
					l.observe(&url.URL{Path: usersPath}, sent, o.serve(), nil)
					mu.Lock()
					out--
					mu.Unlock()
					l.release()
				}
			})
		}
		wg.Wait()
		if free := len(l.slots); free != l.permitted || free != l.limitAfterHalvings(l.halvings) {
			t.Errorf("%d slots free of %d, %d are allowed", free, l.permitted, l.limitAfterHalvings(l.halvings))
		}
	})
}

func TestRequestKindLeavesIDsOut(t *testing.T) {
	t.Parallel()
	l := newConcurrencyLimiter(Config{Concurrency: 1}, "/logto/api", func(int) {})
	for target, want := range map[string]string{
		"/logto/api/users?page=2&page_size=100":                              "users/page&page_size&",
		"/logto/api/users?mode.id=exact&search.id=a&search.id=b&search.id=c": "users/mode.id&search.id&",
		"/logto/api/users/u1/roles":                                          "users//roles/",
		"/logto/api/organizations/o1/users/u1/roles":                         "organizations//users//roles/",
		"/oidc/token": "",
	} {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		have, ok := l.requestKind(u)
		if ok != (want != "") {
			t.Errorf("%s: of the API: %v", target, ok)
		}
		if have != want {
			t.Errorf("%s: kind %q, want %q", target, have, want)
		}
	}
}
