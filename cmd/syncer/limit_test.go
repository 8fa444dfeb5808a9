package main

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
)

// limit gives the jobs of the repository the limit of Logto Cloud, which
// a server elsewhere does not have unless it is told.
func (s *fixture) limit(t *testing.T) {
	t.Helper()
	path := s.dir + "/jobs.yaml"
	text := string(must[[]byte](t, "read")(os.ReadFile(path)))
	limited := strings.Replace(text, "    #limit: {requests: 200, per: 10s}", "    limit: {requests: 200, per: 10s}", 1)
	if limited == text {
		t.Fatal("jobs.yaml has no limit to set")
	}
	if err := os.WriteFile(path, []byte(limited), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A server that refuses, resets and fails, and a program that is killed in the
// middle and started again at once: retries included, no window of 10 s ever
// sees more requests than the limit allows.
func TestNoWindowSeesMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	s := newFixtureOf(t, logtotest.Options{Users: 6000, Seed: 4, Ties: true})
	s.limit(t)
	for _, f := range []logtotest.Fault{
		{Kind: logtotest.Status, Status: http.StatusTooManyRequests, RetryAfter: time.Second, Probability: 0.02, Count: 3},
		{Kind: logtotest.Reset, Probability: 0.03},
		{Kind: logtotest.Status, Status: http.StatusServiceUnavailable, Probability: 0.03},
	} {
		s.server.Inject(f)
	}
	held, release := s.hold(t, 150) // within the first window
	p := s.start(t, "run", "-q")
	<-held
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.wait(t)
	release()
	s.awaitUnlocked(t)
	if p = s.start(t, "run", "-q"); p.wait(t) != exitDone {
		t.Fatalf("the resumed run: %s", p.errs.String())
	}
	seen := s.server.Counters()
	if most := s.server.MaxRequestsIn(10 * time.Second); most > 200 {
		t.Errorf("want at most 200 requests in any 10 s, have %d", most)
	}
	if seen.Faulted == 0 || seen.Requests < 300 {
		t.Errorf("%d of %d requests went wrong: too few to prove anything", seen.Faulted, seen.Requests)
	}
	s.wantEqual(t)
}
