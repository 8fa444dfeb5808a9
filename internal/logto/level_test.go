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

// office is a server with a number of workers, in synctest's time: requests
// wait in line until one is free.
type office struct {
	desks  chan struct{}
	takes  func() time.Duration // what a worker needs for an answer
	status func() int
}

// newOffice opens so many desks, which take as long for an answer.
func newOffice(workers int, takes func() time.Duration) *office {
	return &office{make(chan struct{}, workers), takes, func() int { return http.StatusOK }}
}

func (o *office) answer() int {
	o.desks <- struct{}{}
	defer func() { <-o.desks }()
	_ = sleep(context.Background(), o.takes()) // in the bubble
	return o.status()
}

// ask sends n requests to o, as many at once as l lets out, and returns how
// long that took.
func (o *office) ask(t *testing.T, l *level, n int, path string) time.Duration {
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
				if err := l.enter(t.Context()); err != nil {
					t.Error(err)
					return
				}
				sent := time.Now()
				l.heard(u, sent, o.answer(), nil)
				l.leave()
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

func evenly(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

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

// atHome is how many requests l lets out when it looks at no other level.
func (l *level) atHome() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.allowed(l.home)
}

const somePath = "/api/users"

func TestALevelFindsWhatTheServerAnswersWell(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ceiling, workers int
		takes            func() time.Duration
		low, high        int
	}{
		"one worker":                         {16, 1, evenly(10 * time.Millisecond), 1, 1},
		"two":                                {16, 2, evenly(10 * time.Millisecond), 2, 2},
		"four, some answers slow":            {16, 4, spread(5*time.Millisecond, 30*time.Millisecond), 4, 4},
		"six":                                {16, 6, evenly(10 * time.Millisecond), 8, 8},
		"more than are asked":                {16, 100, evenly(5 * time.Millisecond), 16, 16},
		"more than are asked, far away":      {16, 100, spread(50*time.Millisecond, 400*time.Millisecond), 16, 16},
		"a ceiling that is no power of two":  {10, 100, evenly(5 * time.Millisecond), 10, 10},
		"a ceiling of one":                   {1, 100, evenly(5 * time.Millisecond), 1, 1},
		"a high ceiling, a small server":     {64, 3, evenly(10 * time.Millisecond), 2, 4},
		"a high ceiling, a server with room": {64, 100, evenly(10 * time.Millisecond), 64, 64},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLevel(Config{Concurrency: tc.ceiling}, "/api", func(int) {})
				newOffice(tc.workers, tc.takes).ask(t, l, 2000, somePath)
				if n := l.atHome(); n < tc.low || n > tc.high {
					t.Errorf("%d requests at once, want %d to %d", n, tc.low, tc.high)
				}
			})
		})
	}
}

func TestALevelIsTheCeilingWhereThereIsALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLevel(Config{Concurrency: 16, Limit: Limit{200, 10 * time.Second}}, "/api", func(int) {})
		if n := l.atHome(); n != 16 {
			t.Errorf("%d requests at once to begin with, want 16", n)
		}
		newOffice(2, evenly(10*time.Millisecond)).ask(t, l, 1000, somePath)
		if n := l.atHome(); n != 16 {
			t.Errorf("%d requests at once in the end, want 16", n)
		}
	})
}

func TestALevelCostsLittleWhereTheServerHasRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n, each = 10_000, 5 * time.Millisecond
		took := newOffice(1000, evenly(each)).ask(t, newLevel(Config{Concurrency: 16}, "/api", func(int) {}), n, somePath)
		// In synctest's time this is no measurement: what a look down and the
		// beginning cost is always the same.
		if ideal := n / 16 * each; took > ideal*105/100 {
			t.Errorf("took %v, all of it at the ceiling %v", took, ideal)
		}
	})
}

func TestALevelGoesDownWhenTheServerBecomesBusyAndUpAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLevel(Config{Concurrency: 16}, "/api", func(int) {})
		o := newOffice(100, evenly(5*time.Millisecond))
		o.ask(t, l, 1000, somePath)
		if n := l.atHome(); n != 16 {
			t.Fatalf("%d requests at once, want 16", n)
		}
		busy := newOffice(2, evenly(5*time.Millisecond))
		busy.ask(t, l, 5000, somePath)
		if n := l.atHome(); n != 2 {
			t.Errorf("%d requests at once to a server with two workers left, want 2", n)
		}
		o.ask(t, l, 5000, somePath)
		if n := l.atHome(); n != 16 {
			t.Errorf("%d requests at once to one that has room again, want 16", n)
		}
	})
}

func TestALevelIsNotMistakenForWhatIsAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLevel(Config{Concurrency: 16}, "/api", func(int) {})
		// Ever later pages take ever longer, and in the end something is asked
		// for that takes ten times as long.
		late := time.Duration(0)
		var mu sync.Mutex
		o := newOffice(100, func() time.Duration {
			mu.Lock()
			defer mu.Unlock()
			late += 5 * time.Microsecond
			return 5*time.Millisecond + late
		})
		o.ask(t, l, 2000, somePath)
		newOffice(100, evenly(100*time.Millisecond)).ask(t, l, 1000, "/api/users/x/roles")
		if n := l.atHome(); n != 16 {
			t.Errorf("%d requests at once, want 16", n)
		}
	})
}

func TestALevelDoesNotWaitForWhatIsNoLongerAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLevel(Config{Concurrency: 16}, "/api", func(int) {})
		// It goes up to see how quickly users come, and nobody asks for users.
		newOffice(100, evenly(5*time.Millisecond)).ask(t, l, enough+1, somePath)
		newOffice(2, evenly(5*time.Millisecond)).ask(t, l, 3000, "/api/users/x/roles")
		if n := l.atHome(); n != 2 {
			t.Errorf("%d requests at once to a server with two workers, want 2", n)
		}
	})
}

func TestALevelThatIsNotUsedSaysNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLevel(Config{Concurrency: 16}, "/api", func(int) {})
		o := newOffice(1, evenly(5*time.Millisecond))
		for range 1000 { // one after another
			if err := l.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
			sent := time.Now()
			l.heard(&url.URL{Path: somePath}, sent, o.answer(), nil)
			l.leave()
		}
		if n := l.atHome(); n != firstLevel {
			t.Errorf("%d requests at once, want the %d it began with", n, firstLevel)
		}
	})
}

func TestALevelDoesNotTakeARefusalForAQuickAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLevel(Config{Concurrency: 16}, "/api", func(int) {})
		o := newOffice(2, evenly(5*time.Millisecond))
		o.status = func() int { return http.StatusNotFound }
		o.ask(t, l, 1000, somePath)
		if n := l.atHome(); n != firstLevel {
			t.Errorf("%d requests at once, want the %d it began with", n, firstLevel)
		}
	})
}

func TestALevelIsHalvedOnceByAServerThatSaysItIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLevel(Config{Concurrency: 16}, "/api", func(int) {})
		o := newOffice(100, evenly(5*time.Millisecond))
		o.ask(t, l, 1000, somePath)
		for _, status := range []int{http.StatusBadGateway, http.StatusServiceUnavailable} {
			want := l.atHome() / 2
			sent := time.Now()
			_ = sleep(t.Context(), time.Second)
			for range 10 { // which were out together
				l.heard(&url.URL{Path: somePath}, sent, status, nil)
			}
			if n := l.atHome(); n != want {
				t.Errorf("%d requests at once after %d, want %d", n, status, want)
			}
		}
		sent := time.Now()
		_ = sleep(t.Context(), time.Second)
		l.heard(&url.URL{Path: somePath}, sent, http.StatusInternalServerError, nil)
		l.heard(&url.URL{Path: somePath}, sent, http.StatusTooManyRequests, nil)
		l.heard(&url.URL{Path: somePath}, sent, 0, context.Canceled)
		l.heard(&url.URL{Path: "/oidc/token"}, sent, http.StatusServiceUnavailable, nil)
		if n := l.atHome(); n != 4 {
			t.Errorf("%d requests at once after what says nothing of how busy the server is, want 4", n)
		}
		for range 10 {
			sent := time.Now()
			_ = sleep(t.Context(), time.Second)
			l.heard(&url.URL{Path: somePath}, sent, 0, errTimeout)
		}
		if n := l.atHome(); n != 1 {
			t.Errorf("%d requests at once after time-outs, want 1", n)
		}
		if o.ask(t, l, 5000, somePath); l.atHome() != 16 {
			t.Errorf("%d requests at once in the end, want 16", l.atHome())
		}
	})
}

func TestALevelLetsNoMoreOutThanAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		l := newLevel(Config{Concurrency: 13}, "/api", func(int) {})
		var mu sync.Mutex
		out := 0
		o := newOffice(3, spread(time.Millisecond, 20*time.Millisecond))
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
					if err := l.enter(t.Context()); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					if out++; out > 13 {
						t.Errorf("%d requests at once, the ceiling is 13", out)
					}
					mu.Unlock()
					sent := time.Now()
					l.heard(&url.URL{Path: somePath}, sent, o.answer(), nil)
					mu.Lock()
					out--
					mu.Unlock()
					l.leave()
				}
			})
		}
		wg.Wait()
		if free := len(l.free); free != l.slots || free != l.allowed(l.at) {
			t.Errorf("%d slots free of %d, %d are allowed", free, l.slots, l.allowed(l.at))
		}
	})
}

func TestKindIsWhatWasAskedWithoutIDs(t *testing.T) {
	t.Parallel()
	l := newLevel(Config{Concurrency: 1}, "/logto/api", func(int) {})
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
		have, ok := l.kind(u)
		if ok != (want != "") {
			t.Errorf("%s: of the API: %v", target, ok)
		}
		if have != want {
			t.Errorf("%s: kind %q, want %q", target, have, want)
		}
	}
}
