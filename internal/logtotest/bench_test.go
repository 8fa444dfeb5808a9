package logtotest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"logto-syncer/internal/logtotest"
)

// BenchmarkRequest measures what a request costs the simulated server, so that
// benchmarks of the program beside it measure the program.
func BenchmarkRequest(b *testing.B) {
	const users = 100_000
	tenant := logtotest.Generate(logtotest.Options{Users: users, Ties: true})
	s := logtotest.NewServer(tenant)
	ids := []string{}
	for _, r := range tenant.Rows("users_roles")[:100] {
		ids = append(ids, "search.id="+r["user_id"].(string))
	}
	role := tenant.Rows("users_roles")[0]["role_id"].(string)
	bearer := bearerOf(b, s)
	for name, path := range map[string]string{
		"first page":         "/api/users?page_size=100",
		"page in the middle": "/api/users?page_size=100&page=500",
		"hundred ids":        "/api/users?page_size=100&mode.id=exact&isCaseSensitive=true&" + strings.Join(ids, "&"),
		"prefix":             "/api/users?page_size=100&isCaseSensitive=true&search.id=ab%25",
		"class":              "/api/users?page_size=100&isCaseSensitive=true&mode.id=posix&search.id=" + url.QueryEscape("^ab[0-7]"),
		"count of a class":   "/api/users?page_size=1&isCaseSensitive=true&mode.id=posix&search.id=" + url.QueryEscape("^[0-9a-f]"),
		"wide prefix":        "/api/users?page_size=100&isCaseSensitive=true&search.id=a%25",
		"role members":       "/api/roles/" + role + "/users?page_size=100&page=100",
		"role member count":  "/api/roles/" + role + "/users?page_size=1&mode.id=exact&isCaseSensitive=true&" + strings.Join(ids, "&"),
		"organizations":      "/api/organizations?page_size=100&page=5",
	} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Header.Set("Authorization", "Bearer "+bearer)
			for b.Loop() {
				w := httptest.NewRecorder()
				if s.ServeHTTP(w, r); w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}

func bearerOf(b *testing.B, s *logtotest.Server) string {
	b.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {s.Resource}, "scope": {"all"}}
	r := httptest.NewRequest(http.MethodPost, "/oidc/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(s.AppID, s.AppSecret)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	_, rest, _ := strings.Cut(w.Body.String(), `"access_token":`)
	value, err := strconv.QuotedPrefix(rest)
	if err != nil {
		b.Fatal(w.Body)
	}
	return strings.Trim(value, `"`)
}
