package logto

import (
	"net/http"
	"testing"
	"time"
)

// impatient makes a client fail where it would have to wait before it tries again.
func impatient() timingConfig {
	tune := fastTuning()
	tune.initialBackoff, tune.maxBackoff = time.Hour, time.Hour
	return tune
}

func TestARequestForATokenSurvivesAClosedIdleConnection(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]http.HandlerFunc{
		"closed under the request":  resetConnection,
		"closed behind a proxy":     respond(502, "text/html", "<html>bad gateway</html>"),
		"closed behind another one": respond(503, "text/html", "<html>unavailable</html>"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, inTurn(okResponse, unauthorizedResponse, okResponse))
			grant := f.token
			f.token = inTurn(grant, broken, grant)
			c := f.client(t, f.config(), impatient())
			for range 2 {
				if _, err := c.List(t.Context(), "/users", nil); err != nil {
					t.Fatal(err)
				}
			}
			if n := f.tokens.Load(); n != 3 {
				t.Errorf("%d requests for a token, want 3", n)
			}
			if s := c.Stats(); s.Retries != 0 || s.Requests != f.tokens.Load()+f.pages.Load() {
				t.Errorf("%d retries and %d requests counted, want 0 and %d", s.Retries, s.Requests, f.tokens.Load()+f.pages.Load())
			}
		})
	}
}

func TestAConnectionClosedAfterItsShareOfRequestsIsNoRetry(t *testing.T) {
	t.Parallel()
	f := newFake(t, inTurn(okResponse, resetConnection, okResponse))
	c := f.client(t, f.config(), impatient())
	for range 2 {
		if _, err := c.List(t.Context(), "/users", nil); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.Stats(); s.Retries != 0 || s.Requests != 4 { // with the one for the token
		t.Errorf("%d retries and %d requests counted, want 0 and 4", s.Retries, s.Requests)
	}
}

func TestAServerThatClosesEveryConnectionIsTriedAgainLater(t *testing.T) {
	t.Parallel()
	f := newFake(t, resetConnection)
	cfg := f.config()
	cfg.RetryTimeout = time.Minute // shorter than the pause
	if _, err := f.client(t, cfg, impatient()).List(t.Context(), "/users", nil); err == nil {
		t.Error("no error")
	}
	if n := f.pages.Load(); n != 2 {
		t.Errorf("asked %d times before the first pause, want 2: on the kept connection and on a fresh one", n)
	}
}
