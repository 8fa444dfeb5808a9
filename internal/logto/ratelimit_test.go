package logto

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

// server is the other end of a rateLimitedTransport, in synctest's time: it answers
// late, and counts a request at some moment before.
type server struct {
	latency func() time.Duration
	// counted is where between sending (0) and answer (1) the server counts.
	counted func() float64
	// pause is what a worker has else to do between two requests.
	pause func() time.Duration

	mu       sync.Mutex
	arrivals []time.Time
}

func (s *server) RoundTrip(req *http.Request) (*http.Response, error) {
	s.mu.Lock()
	latency := s.latency()
	before := time.Duration(float64(latency) * s.counted())
	s.arrivals = append(s.arrivals, time.Now().Add(before))
	s.mu.Unlock()
	if err := sleep(req.Context(), latency); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
}

// most returns the number of requests in the fullest window, and the number a
// second over all of them.
func (s *server) most(per time.Duration) (fullest int, rate float64) {
	slices.SortFunc(s.arrivals, time.Time.Compare)
	first := 0
	for i, at := range s.arrivals {
		for at.Sub(s.arrivals[first]) >= per {
			first++
		}
		fullest = max(fullest, i-first+1)
	}
	last := len(s.arrivals) - 1
	return fullest, float64(last) / s.arrivals[last].Sub(s.arrivals[0]).Seconds()
}

// runProcess is a program that sends as fast as the limiter lets it, six at a time,
// until its context ends. rested is the idle time before it.
func runProcess(ctx context.Context, limit RateLimit, s *server, rested time.Duration) {
	c := &requestCounts{}
	l := newRateLimiter(Config{Limit: limit, Log: slog.New(slog.DiscardHandler), RetryTimeout: time.Minute}, defaultTimingConfig(), c)
	l.setTimeSinceLastRequest(rested)
	t := &rateLimitedTransport{next: s, limiter: l, concurrency: newConcurrencyLimiter(Config{Concurrency: 64}, "/api", func(int) {}), counts: c, timeout: time.Minute}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, "GET", "http://logto.test/", nil)
				if err != nil {
					panic(err)
				}
				if resp, err := t.RoundTrip(req); err == nil {
					resp.Body.Close()
				}
				s.mu.Lock()
				pause := s.pause()
				s.mu.Unlock()
				_ = sleep(ctx, pause)
			}
		})
	}
	wg.Wait()
}

func between(r *rand.Rand, from, to time.Duration) func() time.Duration {
	return func() time.Duration { return from + time.Duration(r.Int64N(int64(to-from+1))) }
}

func TestRateLimiterKeepsTheLimitInAnyWindow(t *testing.T) {
	t.Parallel()
	cloud := RateLimit{200, 10 * time.Second}
	for name, tc := range map[string]struct {
		limit    RateLimit
		from, to time.Duration // of the latency
		atLeast  float64       // share of the limit that is reached
	}{
		"a server of 50 to 400 ms gets all that the limit allows": {cloud, 50 * time.Millisecond, 400 * time.Millisecond, 0.97},
		"a fast server":                    {cloud, 0, 5 * time.Millisecond, 0.975},
		"a small limit":                    {RateLimit{5, time.Second}, 0, 20 * time.Millisecond, 0.95},
		"the smallest limit":               {RateLimit{1, time.Second}, 0, 20 * time.Millisecond, 0.95},
		"a limit that needs all six":       {RateLimit{1000, time.Minute}, 10 * time.Millisecond, 300 * time.Millisecond, 0.975},
		"a big limit":                      {RateLimit{1000, 5 * time.Second}, 0, 10 * time.Millisecond, 0.975},
		"a server that stalls for seconds": {cloud, 0, 5 * time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, 2))
				s := &server{latency: between(r, tc.from, tc.to), counted: r.Float64, pause: between(r, 0, 0)}
				ctx, cancel := context.WithTimeout(t.Context(), 20*tc.limit.Per)
				defer cancel()
				runProcess(ctx, tc.limit, s, time.Hour)
				fullest, rate := s.most(tc.limit.Per)
				if fullest > tc.limit.Requests {
					t.Errorf("a window has %d requests, the limit is %d", fullest, tc.limit.Requests)
				}
				full := float64(tc.limit.Requests) / tc.limit.Per.Seconds()
				if rate < tc.atLeast*full {
					t.Errorf("%.4f of the limit is used, want %.4f", rate/full, tc.atLeast)
				}
			})
		})
	}
}

// Processes end or die, and some say when they ended and some do not; between
// them others send a few requests that nobody is told of.
func TestRateLimiterKeepsTheLimitWhenTheProcessIsRestarted(t *testing.T) {
	t.Parallel()
	limits := []RateLimit{{200, 10 * time.Second}, {5, time.Second}, {1, time.Second}, {60, time.Minute}, {100, time.Second}}
	for seed := range uint64(3 * len(limits)) {
		limit := limits[seed%uint64(len(limits))]
		t.Run(fmt.Sprint(limit, seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(3, seed))
				// The worst is when the last request of one process is counted
				// late, and the first of the next early.
				early := func() float64 { return float64(r.IntN(2)) }
				now := func() time.Duration { return time.Duration(r.IntN(20)/19) * time.Second } // and then
				s := &server{latency: between(r, 0, 250*time.Millisecond), counted: early, pause: now}
				said := time.Now().Add(-time.Hour) // when somebody said last that it had ended
				for range 300 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.Int64N(int64(2*limit.Per))))
					rested, known := time.Since(said), r.IntN(3) > 0
					if !known {
						rested = 0
					}
					runProcess(ctx, limit, s, rested)
					cancel()
					if said = time.Now(); r.IntN(3) == 0 {
						_ = sleep(t.Context(), time.Duration(r.Int64N(int64(2*limit.Per))))
					}
					if r.IntN(4) == 0 {
						s.runFew(t.Context(), limit, otherRequests-6)
					}
				}
				if fullest, _ := s.most(limit.Per); fullest > limit.Requests {
					t.Errorf("a window has %d requests, the limit is %d", fullest, limit.Requests)
				}
			})
		})
	}
}

// runFew is a process without a known idle time that sends about n requests, at
// most six more.
func (s *server) runFew(ctx context.Context, l RateLimit, n int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	before, pause := len(s.arrivals), s.pause
	s.pause = func() time.Duration {
		if len(s.arrivals)-before >= n {
			cancel()
		}
		return 0
	}
	runProcess(ctx, l, s, 0)
	s.pause = pause
}

func TestRateLimiterReleasesWhatACancelledCallerTook(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rate  rate.Limit // a second
		again time.Duration
	}{
		"for the bucket": {rateShare / 3600, time.Hour * 100 / 98},
		"for its permit": {rate.Inf, time.Hour + maxDelay},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				l := newRateLimiter(Config{Limit: RateLimit{1, time.Hour}, Log: slog.New(slog.DiscardHandler)}, defaultTimingConfig(), &requestCounts{})
				l.bucket.SetLimit(tc.rate)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if _, err := l.acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("pass: %v, want the context's error", err)
				}
				if waited := time.Since(began); waited != time.Minute {
					t.Errorf("it returned after %v, want a minute", waited)
				}
				if _, err := l.acquire(t.Context()); err != nil {
					t.Error(err)
				}
				if waited := time.Since(began); waited.Round(time.Second) != tc.again.Round(time.Second) {
					t.Errorf("the next one passed after %v, want %v as if there had been none before", waited, tc.again)
				}
			})
		})
	}
}

func TestThrottlePausesTheWholeTenant(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		after []time.Duration // what the server names, one time after the other
		min   time.Duration   // of the last pause
		max   time.Duration
	}{
		"for as long as the server says":            {[]time.Duration{7 * time.Second}, 7 * time.Second, 7 * time.Second},
		"for about a second if it does not say":     {[]time.Duration{0}, time.Second, 1250 * time.Millisecond},
		"for twice as long the second time":         {[]time.Duration{0, 0}, 2 * time.Second, 2500 * time.Millisecond},
		"for a minute at most":                      {make([]time.Duration, 20), time.Minute, 75 * time.Second},
		"not for longer because of what was before": {[]time.Duration{0, 0, 5 * time.Second}, 5 * time.Second, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				th := &throttle{log: slog.New(slog.DiscardHandler), initial: time.Second, maxWait: time.Hour}
				for _, after := range tc.after {
					if err := th.wait(t.Context()); err != nil {
						t.Fatal(err)
					}
					sent := time.Now().Add(-1)
					th.pause(sent, after)
					th.pause(sent, after) // another that was out together with it
				}
				if left := th.remaining(); left < tc.min || left > tc.max {
					t.Errorf("paused for %v, want %v to %v", left, tc.min, tc.max)
				}
			})
		})
	}
}

func TestThrottleForgetsWhenARequestIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		th := &throttle{log: slog.New(slog.DiscardHandler), initial: time.Second, maxWait: time.Hour}
		for range 5 {
			if err := th.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			th.pause(time.Now().Add(-1), 0)
		}
		if err := th.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		th.resetBackoff(time.Now().Add(-1))
		th.pause(time.Now().Add(-1), 0)
		if left := th.remaining(); left > 1250*time.Millisecond {
			t.Errorf("paused for %v, want about a second again", left)
		}
	})
}

func TestThrottleRefusesToWaitLongerThanTheRetryTimeout(t *testing.T) {
	t.Parallel()
	th := &throttle{log: slog.New(slog.DiscardHandler), initial: time.Second, maxWait: time.Minute}
	th.pause(time.Now(), time.Hour)
	if e, ok := errors.AsType[*Error](th.wait(t.Context())); !ok || e.Status != http.StatusTooManyRequests {
		t.Errorf("error %v, want one of status 429", e)
	}
}

func TestRetryPolicyRefusesToWaitLongerThanIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &Client{limiter: newRateLimiter(Config{Log: slog.New(slog.DiscardHandler), RetryTimeout: time.Minute}, defaultTimingConfig(), &requestCounts{})}
		c.limiter.throttle.pause(time.Now(), 30*time.Second)
		p := &retryPolicy{client: c, retryTimeout: time.Minute}
		if err := p.checkThrottle(); err != nil {
			t.Errorf("before the first failure: %v", err)
		}
		p.failed, p.deadline = 1, time.Now().Add(20*time.Second)
		p.last = &Error{Code: "auth.exceed_token_limit"}
		if e, ok := errors.AsType[*Error](p.checkThrottle()); !ok || e.Code != "auth.exceed_token_limit" {
			t.Errorf("with 20 of 30 seconds left: %v, want an error with the code of the one before", e)
		}
	})
}

// statuses answers with one status after the other.
type statuses []int

func (s *statuses) RoundTrip(*http.Request) (*http.Response, error) {
	status := (*s)[0]
	*s = (*s)[1:]
	return &http.Response{StatusCode: status, Body: http.NoBody}, nil
}

func TestTransportTellsTheThrottle(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		statuses statuses
		min, max time.Duration // of the pause after the last
	}{
		"of a 429":                                {statuses{429}, time.Second, 1250 * time.Millisecond},
		"of one after the other":                  {statuses{429, 429}, 2 * time.Second, 2500 * time.Millisecond},
		"of an answer between":                    {statuses{429, 429, 200, 429}, time.Second, 1250 * time.Millisecond},
		"nothing of a 503 without Retry-After":    {statuses{503}, -time.Hour, 0},
		"nothing of a refusal that is no 429":     {statuses{403}, -time.Hour, 0},
		"not to forget because of a server's 500": {statuses{429, 500, 429}, 2 * time.Second, 2500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &requestCounts{}
				l := newRateLimiter(Config{Log: slog.New(slog.DiscardHandler), RetryTimeout: time.Minute}, defaultTimingConfig(), c)
				l.throttle.until = time.Now().Add(-time.Minute) // free, and by a time that can be compared
				transport := &rateLimitedTransport{next: &tc.statuses, limiter: l, concurrency: newConcurrencyLimiter(Config{Concurrency: 64}, "/api", func(int) {}), counts: c, timeout: time.Minute}
				for range len(tc.statuses) {
					time.Sleep(time.Nanosecond) //nolint:forbidigo // of the bubble: requests are not sent at the moment of an answer
					req, err := http.NewRequestWithContext(t.Context(), "GET", "http://logto.test/", nil)
					if err != nil {
						t.Fatal(err)
					}
					resp, err := transport.RoundTrip(req)
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
				}
				if left := l.throttle.remaining(); left < tc.min || left > tc.max {
					t.Errorf("paused for %v, want %v to %v", left, tc.min, tc.max)
				}
			})
		})
	}
}
