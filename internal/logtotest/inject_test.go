package logtotest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
)

// raw asks and returns whatever happens, errors included.
func raw(s *logtotest.Server, path, bearer string) (*http.Response, string, error) {
	r, err := http.NewRequest(http.MethodGet, s.URL+path, nil)
	if err != nil {
		return nil, "", err
	}
	r.Header.Set("Authorization", "Bearer "+bearer)
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

func TestFaults(t *testing.T) {
	t.Parallel()
	const page2 = "/api/users?page=2&page_size=10"
	for name, tc := range map[string]struct {
		fault logtotest.Fault
		check func(t *testing.T, res *http.Response, body string, err error)
	}{
		"a 503 names the seconds to wait": {
			logtotest.Fault{Kind: logtotest.Status, Status: 503, RetryAfter: 1500 * time.Millisecond},
			func(t *testing.T, res *http.Response, body string, err error) {
				if err != nil || res.StatusCode != 503 || res.Header.Get("Retry-After") != "2" {
					t.Errorf("%v %v %s", err, res, body)
				}
			},
		},
		"a 500 is a bare message": {
			logtotest.Fault{Kind: logtotest.Status, Status: 500},
			func(t *testing.T, res *http.Response, body string, err error) {
				if err != nil || res.StatusCode != 500 || body != `{"message":"Internal server error."}` {
					t.Errorf("%v %v %s", err, res, body)
				}
			},
		},
		"a reset is a reset": {
			logtotest.Fault{Kind: logtotest.Reset},
			func(t *testing.T, _ *http.Response, _ string, err error) {
				if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
					t.Errorf("error %v", err)
				}
			},
		},
		"a body is cut short": {
			logtotest.Fault{Kind: logtotest.Truncate},
			func(t *testing.T, res *http.Response, body string, err error) {
				if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(body, `[{"id"`) || res.Header.Get("Total-Number") != "50" {
					t.Errorf("%v %q", err, body)
				}
			},
		},
		"HTML comes with a 200": {
			logtotest.Fault{Kind: logtotest.HTML},
			func(t *testing.T, res *http.Response, body string, err error) {
				if err != nil || res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
					t.Errorf("%v %v %s", err, res, body)
				}
			},
		},
		"garbage claims to be JSON": {
			logtotest.Fault{Kind: logtotest.Garbage},
			func(t *testing.T, res *http.Response, body string, err error) {
				if err != nil || res.StatusCode != 200 || strings.HasSuffix(body, "]") || !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
					t.Errorf("%v %v %s", err, res, body)
				}
			},
		},
		"a page is empty under the right total": {logtotest.Fault{Kind: logtotest.Empty}, wantPage("50", 0, "")},
		"a page is a row short":                 {logtotest.Fault{Kind: logtotest.Short}, wantPage("50", 9, "")},
		"a page is the one before":              {logtotest.Fault{Kind: logtotest.WrongPage}, wantPage("50", 10, "")},
		"the total is missing":                  {logtotest.Fault{Kind: logtotest.NoTotal}, wantPage("", 10, "")},
		"the total is capped":                   {logtotest.Fault{Kind: logtotest.Capped, Cap: 30}, wantPage("31", 10, "true")},
		"an unknown endpoint is plain text": {
			logtotest.Fault{Kind: logtotest.Missing},
			func(t *testing.T, res *http.Response, body string, err error) {
				if err != nil || res.StatusCode != 404 || body != "Not Found" {
					t.Errorf("%v %v %s", err, res, body)
				}
			},
		},
		"a token is revoked": {
			logtotest.Fault{Kind: logtotest.Revoke},
			func(t *testing.T, res *http.Response, body string, err error) {
				if err != nil || res.StatusCode != 401 || !strings.Contains(body, "auth.unauthorized") {
					t.Errorf("%v %v %s", err, res, body)
				}
			},
		},
		"a late answer is a good one": {logtotest.Fault{Kind: logtotest.Delay, Delay: time.Millisecond, DelayMax: 3 * time.Millisecond}, wantPage("50", 10, "")},
		"a closed connection comes after a good answer": {
			logtotest.Fault{Kind: logtotest.Close},
			func(t *testing.T, res *http.Response, _ string, err error) {
				if err != nil || res.StatusCode != 200 || !res.Close {
					t.Errorf("%v %v", err, res)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, logtotest.Generate(logtotest.Options{Users: 50}))
			bearer := token(t, s, "all")
			tc.fault.Path, tc.fault.Skip, tc.fault.Count = "/api/users", 1, 1
			s.Inject(tc.fault)
			for i := range 4 {
				if i == 1 && tc.fault.Kind == logtotest.Revoke {
					defer func() {
						if res, _, err := raw(s, page2, token(t, s, "all")); err != nil || res.StatusCode != 200 {
							t.Errorf("a new token: %v %v", err, res)
						}
					}()
				}
				res, body, err := raw(s, page2, bearer)
				if i == 1 {
					tc.check(t, res, body, err)
				} else if tc.fault.Kind != logtotest.Revoke || i < 1 {
					wantPage("50", 10, "")(t, res, body, err)
				}
			}
		})
	}
}

func wantPage(total string, rows int, capped string) func(*testing.T, *http.Response, string, error) {
	return func(t *testing.T, res *http.Response, body string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(body, `"isSuspended"`); res.StatusCode != 200 || n != rows || res.Header.Get("Total-Number") != total ||
			res.Header.Get("Total-Number-Is-Capped") != capped {
			t.Errorf("%d, %d rows, headers %v", res.StatusCode, n, res.Header)
		}
	}
}

func TestWrongPage(t *testing.T) {
	t.Parallel()
	s := start(t, logtotest.Generate(logtotest.Options{Users: 30}))
	bearer := token(t, s, "all")
	first := ask(t, s, http.MethodGet, "/api/users?page=1&page_size=10", bearer)
	s.Inject(logtotest.Fault{Kind: logtotest.WrongPage, Query: "page=2"})
	second := ask(t, s, http.MethodGet, "/api/users?page=2&page_size=10", bearer)
	if first.raw != second.raw {
		t.Errorf("page 2 is not page 1:\n%.300s\n%.300s", first.raw, second.raw)
	}
}

func TestFaultIsTakenAway(t *testing.T) {
	t.Parallel()
	s := start(t, logtotest.Generate(logtotest.Options{Users: 5}))
	bearer := token(t, s, "all")
	remove := s.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 502, Path: "/api/roles/*/users"})
	role := s.Tenant.Rows("users_roles")[0]["role_id"].(string)
	if got := ask(t, s, http.MethodGet, "/api/roles", bearer); got.status != 200 {
		t.Errorf("another path: %d", got.status)
	}
	if got := ask(t, s, http.MethodGet, "/api/roles/"+role+"/users", bearer); got.status != 502 {
		t.Errorf("with the fault: %d", got.status)
	}
	remove()
	if got := ask(t, s, http.MethodGet, "/api/roles/"+role+"/users", bearer); got.status != 200 {
		t.Errorf("without: %d", got.status)
	}
}

func TestProbability(t *testing.T) {
	t.Parallel()
	outcomes := func() string {
		s := start(t, logtotest.Generate(logtotest.Options{Users: 5}))
		bearer := token(t, s, "all")
		s.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 500, Probability: 0.5})
		var all strings.Builder
		for range 60 {
			all.WriteString(strconv.Itoa(ask(t, s, http.MethodGet, "/api/roles", bearer).status) + " ")
		}
		return all.String()
	}
	first := outcomes()
	if n := strings.Count(first, "500"); n < 15 || n > 45 {
		t.Errorf("%d of 60 requests failed, want about half", n)
	}
	if first != outcomes() {
		t.Error("the same seed had other outcomes")
	}
}

func TestABrokenRowMakesItsAnswersA500(t *testing.T) {
	t.Parallel()
	s := start(t, logtotest.Generate(logtotest.Options{Users: 40}))
	bearer := token(t, s, "all")
	ids, _ := walk(t, s, "/api/users")
	s.FailOnRow(ids[17])
	for path, want := range map[string]int{
		"/api/users?page=1&page_size=10":      200,
		"/api/users?page=2&page_size=10":      500,
		"/api/users?page=17&page_size=1":      200,
		"/api/users?page=18&page_size=1":      500,
		"/api/users/" + ids[17]:               500,
		"/api/users?search.id=" + ids[17][:8]: 200,
	} {
		if got := ask(t, s, http.MethodGet, path, bearer); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
	s.RepairRow(ids[17])
	if got := ask(t, s, http.MethodGet, "/api/users/"+ids[17], bearer); got.status != 200 {
		t.Errorf("after it was repaired: %d", got.status)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	s := start(t, logtotest.Generate(logtotest.Options{Users: 5}))
	bearer := token(t, s, "all")
	s.Throttle(5, time.Hour, true)
	for i := range 8 {
		got := ask(t, s, http.MethodGet, "/api/roles", bearer)
		if want := 200 + 229*min(1, i/5); got.status != want {
			t.Errorf("request %d: %d, want %d", i+1, got.status, want)
		}
		if after := got.header.Get("Retry-After"); (i >= 5) != (after == "3600") {
			t.Errorf("request %d: Retry-After %q", i+1, after)
		}
	}
	c := s.Counters()
	if c.Requests != 8 || c.Throttled != 3 || s.MaxRequestsIn(time.Hour) != 8 || s.RequestsMatching("/api/roles") != 8 || s.RequestsForURI("/api/roles") != 8 {
		t.Errorf("counted %+v", c)
	}
	s.Throttle(0, 0, false)
	if got := ask(t, s, http.MethodGet, "/api/roles", bearer); got.status != 200 {
		t.Errorf("unthrottled: %d", got.status)
	}
}

func TestConcurrencyIsSeen(t *testing.T) {
	t.Parallel()
	s := start(t, logtotest.Generate(logtotest.Options{Users: 5}))
	bearer := token(t, s, "all")
	var arrived, all sync.WaitGroup
	arrived.Add(4)
	s.OnRequest(func(int, *http.Request) {
		arrived.Done()
		arrived.Wait()
	})
	for range 4 {
		all.Go(func() {
			if res, _, err := raw(s, "/api/roles", bearer); err != nil || res.StatusCode != 200 {
				t.Errorf("%v %v", err, res)
			}
		})
	}
	all.Wait()
	if c := s.Counters(); c.MaxConcurrent != 4 {
		t.Errorf("at most %d at once, want 4", c.MaxConcurrent)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	tenant := loadTenant(t)
	for name, tc := range map[string]struct {
		version, path string
		status, rows  int
		total         string
	}{
		"organization scopes come whole now":           {"", "/api/organization-scopes", 200, 12, ""},
		"organization scopes were paged before 1.25":   {"1.24", "/api/organization-scopes", 200, 12, "12"},
		"profile fields are as old as 1.31":            {"1.30.2", "/api/custom-profile-fields", 404, 0, ""},
		"and exist since":                              {"1.31", "/api/custom-profile-fields", 200, 1, ""},
		"time windows were ignored before 1.40":        {"1.39", "/api/logs?end_time=1&page_size=5", 200, 5, ""},
		"and an inverted one is an error since":        {"1.40", "/api/logs?start_time=5&end_time=5", 400, 0, ""},
		"applications always came whole":               {"1.18", "/api/applications", 200, 6, ""},
		"organization users exist in every version":    {"1.18", "/api/organizations/y5iwezbhfstj/users?page_size=100", 200, 100, "263"},
		"just-in-time domains were paged before 1.36":  {"1.35", "/api/organizations/1cxcn1y1l0bo/jit/email-domains", 200, 1, "1"},
		"just-in-time domains come whole since":        {"1.36", "/api/organizations/1cxcn1y1l0bo/jit/email-domains", 200, 1, ""},
		"personal access tokens are as old as 1.20":    {"1.19", "/api/users/upvhfami6q80/personal-access-tokens", 404, 0, ""},
		"e-mail templates are as old as 1.25":          {"1.24", "/api/email-templates", 404, 0, ""},
		"the filter by organization role came in 1.41": {"1.40", "/api/organizations/y5iwezbhfstj/users?organizationRoleId=nope&page_size=100", 200, 100, "263"},
		"the filter by organization role works":        {"1.41", "/api/organizations/y5iwezbhfstj/users?organizationRoleId=nope&page_size=100", 200, 0, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, tenant)
			s.SetVersion(tc.version)
			got := ask(t, s, http.MethodGet, tc.path, token(t, s, "all"))
			rows, _ := got.body.([]any)
			if got.status != tc.status || len(rows) != tc.rows || tc.total != "" && got.header.Get("Total-Number") != tc.total {
				t.Errorf("%d, %d rows, total %q: %.200s", got.status, len(rows), got.header.Get("Total-Number"), got.raw)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	s := start(t, logtotest.Generate(logtotest.Options{Users: 5}))
	roles := func(bearer string) int { return ask(t, s, http.MethodGet, "/api/roles", bearer).status }
	old := token(t, s, "all")
	s.SetTokenTTL(time.Nanosecond)
	if got := ask(t, s, http.MethodGet, "/api/roles", token(t, s, "all")); got.status != 401 || !strings.Contains(got.raw, "ERR_JWT_EXPIRED") {
		t.Errorf("expired: %d %s", got.status, got.raw)
	}
	s.SetTokenTTL(0)
	s.SetTokenScope("")
	if got := roles(token(t, s, "all")); got != 403 {
		t.Errorf("without scope: %d", got)
	}
	s.SetTokenScope("all")
	if got := roles(old); got != 200 {
		t.Errorf("the first token: %d", got)
	}
	s.RevokeTokens()
	if got := roles(old); got != 401 {
		t.Errorf("revoked: %d", got)
	}
	if c := s.Counters(); c.Tokens != 3 || s.RequestsMatching("/oidc/token") != 3 {
		t.Errorf("tokens counted: %+v", c)
	}
}

func TestMounted(t *testing.T) {
	t.Parallel()
	s := logtotest.NewServer(logtotest.Generate(logtotest.Options{Users: 5}))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/status", nil))
	if w.Code != http.StatusNoContent {
		t.Errorf("status %d", w.Code)
	}
	s.Close()
}
