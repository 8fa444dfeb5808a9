package logto

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	appID     = "app1"
	appSecret = "s3cret&%"
)

// fake is a server with two handlers and a record of what it was asked.
type fake struct {
	*httptest.Server
	token, api http.HandlerFunc
	tokens     atomic.Int64 // requests for one, and how many were given
	pages      atomic.Int64

	mu   sync.Mutex
	last *http.Request
}

// newFake serves api below /api/, and tokens named token-1, token-2, ...
func newFake(t *testing.T, api http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{api: api}
	f.token = func(w http.ResponseWriter, _ *http.Request) { f.grant(w, 3600) }
	mux := http.NewServeMux()
	mux.HandleFunc("/oidc/token", func(w http.ResponseWriter, r *http.Request) {
		f.tokens.Add(1)
		f.token(w, r)
	})
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		f.pages.Add(1)
		f.mu.Lock()
		f.last = r
		f.mu.Unlock()
		f.api(w, r)
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func (f *fake) grant(w http.ResponseWriter, seconds int) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":%d,"scope":"all"}`, f.tokens.Load(), seconds)
}

func (f *fake) config() Config {
	return Config{Endpoint: f.URL, AppID: appID, AppSecret: appSecret}
}

// fastTuning has no waits that a test would notice.
func fastTuning() timingConfig {
	return timingConfig{initialBackoff: time.Millisecond, maxBackoff: 4 * time.Millisecond, initialPause: time.Millisecond, timeout: time.Minute}
}

func (f *fake) client(t *testing.T, cfg Config, tune timingConfig) *Client {
	t.Helper()
	c, err := newWithTimings(cfg, tune)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// inTurn answers with the handlers in turn, and with the last one from then on.
func inTurn(turn ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		turn[min(int(n.Add(1)), len(turn))-1](w, r)
	}
}

func respond(status int, contentType, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func respondJSON(status int, body string, header ...string) http.HandlerFunc {
	return respond(status, "application/json; charset=utf-8", body, header...)
}

// resetConnection breaks the connection before an answer, cut in the middle of its body.
func resetConnection(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func truncatedBody(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "100")
	fmt.Fprint(w, `[{"id":"a"}]`) // as JSON, this is all
}

var (
	okResponse            = respondJSON(200, `[{"id":"a"},{"id":"b"}]`, "Total-Number", "2", "Logto-Core-Request-Id", "req1")
	internalErrorResponse = respondJSON(500, `{"message":"Internal server error."}`, "Logto-Core-Request-Id", "req1")
	unauthorizedResponse  = respondJSON(401, `{"code":"auth.unauthorized","message":"Unauthorized. Please check credentials and its scope."}`)
)
