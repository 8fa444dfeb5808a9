package logto

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestListReturnsAPage(t *testing.T) {
	t.Parallel()
	f := newFake(t, okResponse)
	c := f.client(t, f.config(), fastTuning())
	page, err := c.List(t.Context(), "/users", url.Values{"page": {"1"}, "page_size": {"100"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`{"id":"a"}`, `{"id":"b"}`}, texts(page.Items)); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if page.Date.IsZero() || page.Header.Bytes < 100 {
		t.Errorf("date %v, %d bytes of header", page.Date, page.Header.Bytes)
	}
	page.Items, page.Date, page.Header = nil, time.Time{}, ResponseHeaderStats{}
	if diff := cmp.Diff(Page{Total: 2, RequestID: "req1"}, page); diff != "" {
		t.Errorf("page (-want +got):\n%s", diff)
	}
	have := map[string]string{
		"url": f.last.URL.String(), "authorization": f.last.Header.Get("Authorization"),
		"language": f.last.Header.Get("Accept-Language"), "encoding": strings.Join(f.last.TransferEncoding, " "),
	}
	want := map[string]string{
		"url": "/api/users?page=1&page_size=100", "authorization": "Bearer token-1", "language": "en", "encoding": "",
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestObjectReturnsAnObject(t *testing.T) {
	t.Parallel()
	f := newFake(t, respondJSON(200, `{"id":"a"}`))
	v, err := f.client(t, f.config(), fastTuning()).Object(t.Context(), "/users/a", nil)
	if err != nil || string(v) != `{"id":"a"}` {
		t.Errorf("object: %s, %v", v, err)
	}
}

func TestListRetriesWhatMayHeal(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]http.HandlerFunc{
		"a reset connection":              resetConnection,
		"a body that is cut":              truncatedBody,
		"a body cut within JSON":          respondJSON(200, `[{"id":"a"},{"i`),
		"a compressed body that is cut":   cutGzip,
		"something after the list":        respondJSON(200, `[{"id":"a"}] <!-- proxy -->`),
		"a second list after the list":    respondJSON(200, `[][]`),
		"an object":                       respondJSON(200, `{"id":"a"}`),
		"null":                            respondJSON(200, `null`),
		"nothing":                         respondJSON(200, ``),
		"a page of HTML":                  respond(200, "text/html", `<html>login</html>`),
		"a plain 500":                     internalErrorResponse,
		"502":                             respond(502, "text/html", `<html>bad gateway</html>`),
		"503":                             respond(503, "text/plain", `no upstream`),
		"503 with Retry-After":            respond(503, "text/plain", `no upstream`, "Retry-After", "0"),
		"504":                             respond(504, "text/html", ``),
		"429 that does not say how long":  respondJSON(429, `{}`),
		"429 that says nonsense":          respondJSON(429, `{}`, "Retry-After", "soon"),
		"429 that names a date gone by":   respondJSON(429, `{}`, "Retry-After", "Mon, 01 Jan 2001 00:00:00 GMT"),
		"404 in HTML, which a proxy says": respond(404, "text/html", `<html>no such host</html>`),
		"404 in plain text":               respond(404, "text/plain", `Not Found`),
		"405 in plain text":               respond(405, "text/plain", `Method Not Allowed`),
		"408":                             respond(408, "text/html", ``),
		"a token that is refused once":    unauthorizedResponse,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, inTurn(bad, bad, okResponse))
			if name == "a token that is refused once" {
				f.api = inTurn(bad, okResponse)
			}
			page, err := f.client(t, f.config(), fastTuning()).List(t.Context(), "/users", nil)
			if err != nil || len(page.Items) != 2 {
				t.Errorf("%d items, %v; want 2 after retries", len(page.Items), err)
			}
		})
	}
}

func TestAProbeReturnsAnUnknownPathAtOnce(t *testing.T) {
	t.Parallel()
	for status, text := range map[int]string{404: "Not Found", 405: "Method Not Allowed"} {
		f := newFake(t, respond(status, "text/plain; charset=utf-8", text))
		client := f.client(t, f.config(), fastTuning())
		_, err := client.WithoutUnknownPathRetries().List(t.Context(), "/users", nil)
		if !IsUnknownPath(err) || f.pages.Load() != 1 {
			t.Errorf("%d: %v after %d requests, want an unknown path after 1", status, err, f.pages.Load())
		}
	}
}

func cutGzip(w http.ResponseWriter, r *http.Request) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(`[{"id":"a"}]`))
	z.Flush() // the end is missing, and with it the checksum
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(b.Bytes())
}

// verdict is what a caller can ask of an error.
type verdict struct{ Transient, NotFound, UnknownPath, Poison, Auth bool }

func judge(err error) verdict {
	e, ok := errors.AsType[*Error](err)
	return verdict{ok && e.Transient(), IsNotFound(err), IsUnknownPath(err), IsPoison(err), IsAuth(err)}
}

func TestListFailsForGood(t *testing.T) {
	t.Parallel()
	const hostile = "token-1 " + appSecret + " \x1b[31m\nsecond line"
	for name, tc := range map[string]struct {
		api   http.HandlerFunc
		want  verdict
		text  string // is in the error
		asked int64
	}{
		"a 500 that stays is an unreadable page after three attempts": {
			internalErrorResponse, verdict{Transient: true, Poison: true}, "GET /api/users/u1/roles: status 500: Internal server error.: the same 3 times (request req1)", 3,
		},
		"a body over the bound is poison at once": {
			respondJSON(200, `["`+strings.Repeat("x", 2000)+`"]`), verdict{Poison: true}, "bigger", 1,
		},
		"a chunked body over the bound": {chunks, verdict{Poison: true}, "bigger", 1},
		"a user that is gone": {
			respondJSON(404, `{"code":"entity.not_found","message":"The resource does not exist."}`),
			verdict{NotFound: true},
			"status 404: entity.not_found: The resource does not exist.", 1,
		},
		"a role that is gone": {
			respondJSON(404, `{"code":"entity.not_exists_with_id","message":"The roles with ID u1 does not exist."}`),
			verdict{NotFound: true},
			"entity.not_exists_with_id", 1,
		},
		"a 404 with another code says nothing about the parent": {
			respondJSON(404, `{"code":"connector.not_found","message":"x"}`), verdict{}, "connector.not_found", 1,
		},
		"a missing role": {
			respondJSON(403, `{"code":"auth.forbidden","message":"Forbidden."}`), verdict{Auth: true}, "Logto Management API access", 1,
		},
		"a second token refused": {unauthorizedResponse, verdict{Auth: true}, "secret or role revoked", 2},
		"a bad request": {
			respondJSON(400, `{"code":"guard.invalid_pagination","message":"The request pagination value is invalid."}`),
			verdict{},
			"guard.invalid_pagination", 1,
		},
		"an application of the wrong type": {respondJSON(422, `{"code":"application.invalid_type","message":"m"}`), verdict{}, "422", 1},
		"501 is not a fault that heals":    {respondJSON(501, `{"code":"storage.not_configured","message":"m"}`), verdict{}, "501", 1},
		"a redirect": {
			respond(302, "text/html", "", "Location", "https://other.example/login?secret=x"),
			verdict{},
			"redirects to https://other.example; the endpoint", 1,
		},
		"a pause longer than the retry timeout": {
			respondJSON(429, `{}`, "Retry-After", "3600"), verdict{Transient: true}, "wait another 1h0m0s, longer than the 5m0s left for retries", 1,
		},
		"a body that quotes secrets": {
			respondJSON(400, `{"code":"x","message":"you sent token-1 and `+appSecret+`"}`), verdict{}, "status 400", 1,
		},
		"a code that quotes the token": {respondJSON(400, `{"code":"token-1","message":"m"}`), verdict{}, "status 400", 1},
		"a body that is hostile":       {respond(400, "text/html", hostile), verdict{}, "text/html", 1},
		"headers that are hostile": {
			respondJSON(400, `{"code":"a b","message":"x"}`, "Logto-Core-Request-Id", strings.Repeat("x", 3000), "Retry-After", "-1"),
			verdict{},
			"status 400", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, tc.api)
			cfg := f.config()
			cfg.MaxBody = 1000
			_, err := f.client(t, cfg, fastTuning()).List(t.Context(), "/users/u1/roles", url.Values{"q": {"the-query"}})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(tc.want, judge(err)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			if !strings.Contains(err.Error(), tc.text) {
				t.Errorf("error %q lacks %q", err, tc.text)
			}
			checkHarmless(t, err)
			if n := f.pages.Load(); n != tc.asked {
				t.Errorf("asked %d times, want %d", n, tc.asked)
			}
		})
	}
}

func chunks(w http.ResponseWriter, _ *http.Request) {
	for range 20 {
		w.Write([]byte(strings.Repeat(" ", 100)))
		w.(http.Flusher).Flush()
	}
}

// checkHarmless fails if an error has in it what must not reach a log.
func checkHarmless(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	for _, bad := range []string{"token-", appSecret, url.QueryEscape(appSecret), "the-query", "secret=x", "\x1b", "\n", "xxxxx"} {
		if strings.Contains(text, bad) {
			t.Errorf("error %q holds %q", text, bad)
		}
	}
}

func TestListGivesUpWhenTheRetryTimeoutHasPassed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		api  http.HandlerFunc
		text string
	}{
		"502":                {respond(502, "text/html", ""), "status 502"},
		"404 of a proxy":     {respond(404, "text/html", ""), "status 404"},
		"404 in JSON":        {respondJSON(404, `{"error":"no route"}`), "application/json"},
		"404 in plain text":  {respond(404, "text/plain", "Not Found"), "a tenant that is not there"},
		"a reset connection": {resetConnection, "EOF"},
		"HTML":               {respond(200, "text/html", "<html>"), "a proxy seems to have answered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, tc.api)
			cfg := f.config()
			cfg.RetryTimeout = 20 * time.Millisecond
			_, err := f.client(t, cfg, fastTuning()).List(t.Context(), "/users", url.Values{"q": {"the-query"}})
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(verdict{Transient: true, UnknownPath: name == "404 in plain text"}, judge(err)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			for _, text := range []string{tc.text, "gave up after"} {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q lacks %q", err, text)
				}
			}
			checkHarmless(t, err)
		})
	}
}

func TestListGivesUpAServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	f := &fake{Server: gone}
	cfg := f.config()
	cfg.RetryTimeout = 5 * time.Millisecond
	_, err := f.client(t, cfg, fastTuning()).List(t.Context(), "/users", nil)
	if err == nil || !strings.Contains(err.Error(), "connection refused") || !judge(err).Transient {
		t.Errorf("error %v, want one that says connection refused", err)
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	//nolint:paralleltest // the handlers cancel the one context
	for name, api := range map[string]http.HandlerFunc{
		"while the server thinks": func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		},
		"while the body comes": func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte("["))
			w.(http.Flusher).Flush()
			cancel()
			<-r.Context().Done()
		},
		"while the tenant is throttled": func(w http.ResponseWriter, r *http.Request) {
			respondJSON(429, "{}", "Retry-After", "200")(w, r)
			cancel()
		},
		"while it waits for the next attempt": func(w http.ResponseWriter, r *http.Request) {
			respond(502, "", "")(w, r)
			cancel()
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, api)
			ctx, cancel = context.WithCancel(t.Context())
			defer cancel()
			tune := fastTuning()
			tune.initialBackoff, tune.maxBackoff = time.Minute, time.Minute
			_, err := f.client(t, f.config(), tune).List(ctx, "/users", nil)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want the context's", err)
			}
		})
	}
}

func TestListTimesOutAndRetries(t *testing.T) {
	t.Parallel()
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	stall := func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("["))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	f := newFake(t, inTurn(hang, stall, okResponse))
	tune := fastTuning()
	tune.timeout = 200 * time.Millisecond
	if _, err := f.client(t, f.config(), tune).List(t.Context(), "/users", nil); err != nil {
		t.Error(err)
	}
}

func TestStatsCountEveryRequestThatTheServerSees(t *testing.T) {
	t.Parallel()
	// The connections that break have served before: http.Transport would
	// repeat a GET on them unseen. It is counted as a request, but is no retry.
	f := newFake(t, inTurn(okResponse, resetConnection, respondJSON(429, "{}"), respond(502, "", ""), unauthorizedResponse, okResponse))
	c := f.client(t, f.config(), fastTuning())
	for range 2 {
		if _, err := c.List(t.Context(), "/users", nil); err != nil {
			t.Fatal(err)
		}
	}
	have := c.Stats()
	have.Waited = 0
	want := Stats{Requests: f.pages.Load() + f.tokens.Load(), Retries: 2, Throttled: 1}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	if f.pages.Load() != 6 || f.tokens.Load() != 2 {
		t.Errorf("%d pages and %d tokens asked for, want 6 and 2", f.pages.Load(), f.tokens.Load())
	}
}

func TestConcurrencyBoundsTheRequestsInFlight(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int64
	full := make(chan struct{})
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if n == 3 {
			select {
			case <-full:
			default:
				close(full)
			}
		}
		<-full // until three are in
		okResponse(w, r)
	})
	cfg := f.config()
	cfg.Concurrency = 3
	c := f.client(t, cfg, fastTuning())
	errs := make(chan error, 12)
	for range cap(errs) {
		go func() {
			_, err := c.List(t.Context(), "/users", nil)
			errs <- err
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 3 {
		t.Errorf("%d requests in flight, want 3", most.Load())
	}
}

func TestABusyServerIsAskedForLessAtOnce(t *testing.T) {
	t.Parallel()
	never := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, tc := range map[string]struct {
		first http.HandlerFunc
		want  int
	}{
		"it says so":           {respond(503, "text/plain", "no upstream"), initialConcurrency / 2},
		"it throttles":         {respondJSON(429, "{}", "Retry-After", "0"), initialConcurrency},
		"it takes too long":    {never, initialConcurrency / 2},
		"it has a bad moment":  {respond(500, "text/plain", "Internal Server Error"), initialConcurrency},
		"it hangs up":          {resetConnection, initialConcurrency},
		"it is as it ought to": {okResponse, initialConcurrency},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, inTurn(tc.first, okResponse))
			cfg, tune := f.config(), fastTuning()
			cfg.Concurrency = 16
			if name == "it takes too long" {
				tune.timeout = time.Second
			}
			c := f.client(t, cfg, tune)
			if _, err := c.List(t.Context(), "/users", nil); err != nil {
				t.Fatal(err)
			}
			if n := c.concurrency.base(); n != tc.want {
				t.Errorf("%d requests at once, want %d", n, tc.want)
			}
		})
	}
}

func TestListRefusesWhatIsNoPath(t *testing.T) {
	t.Parallel()
	f := newFake(t, okResponse)
	c := f.client(t, f.config(), fastTuning())
	for _, path := range []string{"", "users", "/users?page=1", "/users#x", "/us\ners", "/%zz"} {
		if _, err := c.List(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), "not a path") {
			t.Errorf("path %q: error %v", path, err)
		}
	}
	if n := f.pages.Load(); n != 0 {
		t.Errorf("%d requests went out", n)
	}
}
