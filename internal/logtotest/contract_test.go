package logtotest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/logtotest"
)

// An exchange is one request a real Logto answered.
type exchange struct {
	Request struct {
		Method, Path, Auth, Basic string
		Form                      map[string]string
	}
	Status  int
	Headers map[string]any
	Body    any
	Ordered bool
	Note    string
}

func recorded(t *testing.T) []exchange {
	t.Helper()
	return readLines[exchange](t, "testdata/exchanges.jsonl", 204)
}

// readLines reads a file of one JSON object a line, of which there are n.
func readLines[T any](t *testing.T, name string, n int) []T {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []T
	d := json.NewDecoder(bufio.NewReader(f))
	d.UseNumber()
	for d.More() {
		var e T
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if len(all) != n {
		t.Fatalf("%s: %d lines, want %d", name, len(all), n)
	}
	return all
}

func loadTenant(t *testing.T) *logtotest.Tenant {
	t.Helper()
	f, err := os.Open("testdata/tenant.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tenant, err := logtotest.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

func start(t *testing.T, tenant *logtotest.Tenant, opts ...logtotest.Option) *logtotest.Server {
	t.Helper()
	s := logtotest.Start(tenant, opts...)
	t.Cleanup(s.Close)
	return s
}

// A reply is an answer of the simulated server.
type reply struct {
	status int
	header http.Header
	body   any
	raw    string
	host   string
}

func send(t *testing.T, r *http.Request) reply {
	t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := reply{status: res.StatusCode, header: res.Header, body: string(raw), raw: string(raw), host: r.URL.Host}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		if err := d.Decode(&got.body); err != nil {
			t.Fatalf("%s: %v in %q", r.URL, err, raw)
		}
	}
	return got
}

func askToken(t *testing.T, s *logtotest.Server, id, secret string, form url.Values) reply {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.URL+"/oidc/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if id != "" {
		r.SetBasicAuth(id, secret)
	}
	return send(t, r)
}

// token gets a token for the Management API with a scope.
func token(t *testing.T, s *logtotest.Server, scope string) string {
	t.Helper()
	got := askToken(t, s, s.AppID, s.AppSecret, url.Values{
		"grant_type": {"client_credentials"}, "resource": {s.Resource}, "scope": {scope},
	})
	value, _ := got.body.(map[string]any)["access_token"].(string)
	if value == "" {
		t.Fatalf("no token: %d %s", got.status, got.raw)
	}
	return value
}

func ask(t *testing.T, s *logtotest.Server, method, path, token string) reply {
	t.Helper()
	r, err := http.NewRequest(method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, r)
}

// TestRecorded replays every recorded exchange on the recorded tenant.
func TestRecorded(t *testing.T) {
	t.Parallel()
	all := recorded(t)
	tenant := loadTenant(t)
	s := start(t, tenant)
	tokens := map[string]string{"none": "", "garbage": "garbage", "token": token(t, s, "all"), "token without scope": token(t, s, "")}
	asRecorded(t, tenant, all)
	for i, e := range all { //nolint:paralleltest // a token request changes /logs for those after it
		t.Run(fmt.Sprintf("%03d %.80s", i, e.Request.Path), func(t *testing.T) {
			var got reply
			if e.Request.Method == http.MethodPost {
				got = replayToken(t, s, e)
				asRecorded(t, tenant, all)
			} else {
				got = ask(t, s, e.Request.Method, e.Request.Path, tokens[e.Request.Auth])
			}
			if got.status != e.Status {
				t.Fatalf("status %d, want %d: %.300s", got.status, e.Status, got.raw)
			}
			compareHeaders(t, e, got)
			want, have := settle(e.Body), settle(got.body)
			if !e.Ordered && !sortedByAge(e.Request.Path) {
				want, have = asSet(want), asSet(have)
			}
			if diff := cmp.Diff(want, have); diff != "" {
				t.Errorf("body (-recorded +simulated):\n%.3000s", diff)
			}
		})
	}
}

// sortedByAge tells which lists without a promised order come in the recorded one
// all the same: ties fall as they fell, for the physical order is the same.
func sortedByAge(path string) bool {
	return strings.HasPrefix(path, "/api/users?") || strings.HasPrefix(path, "/api/logs?") || strings.Contains(path, "/recent-logs?")
}

// asRecorded takes away the logs that are younger than the recording of /logs:
// every token request adds one.
func asRecorded(t *testing.T, tenant *logtotest.Tenant, all []exchange) {
	t.Helper()
	listed := map[string]bool{}
	for _, e := range all {
		if strings.HasPrefix(e.Request.Path, "/api/logs?page=1&page_size=100") && !strings.Contains(e.Request.Path, "time") {
			for _, l := range e.Body.([]any) {
				listed[l.(map[string]any)["id"].(string)] = true
			}
		}
	}
	newest := ""
	rows := tenant.Rows("logs")
	for _, r := range rows {
		if at := r["created_at"].(string); listed[r["id"].(string)] && at > newest {
			newest = at
		}
	}
	for _, r := range rows {
		if at := r["created_at"].(string); at > newest && !strings.HasPrefix(r["key"].(string), "TriggerHook.") {
			if err := tenant.Delete("logs", r["id"].(string)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func replayToken(t *testing.T, s *logtotest.Server, e exchange) reply {
	t.Helper()
	form := url.Values{}
	for k, v := range e.Request.Form {
		form.Set(k, v)
	}
	id, secret := s.AppID, s.AppSecret
	if e.Request.Basic == "other" {
		secret = "wrong"
		if strings.Contains(e.Note, "unknown") {
			id = "nosuchapp"
		}
	}
	return askToken(t, s, id, secret, form)
}

func compareHeaders(t *testing.T, e exchange, got reply) {
	t.Helper()
	for _, h := range []string{"Total-Number", "Total-Number-Is-Capped", "Content-Type"} {
		want, _ := e.Headers[h].(string)
		if have := got.header.Get(h); have != want {
			t.Errorf("%s: %q, want %q", h, have, want)
		}
	}
	if want, _ := e.Headers["WWW-Authenticate"].(string); (want == "") != (got.header.Get("WWW-Authenticate") == "") {
		t.Errorf("WWW-Authenticate: %q, want %q", got.header.Get("WWW-Authenticate"), want)
	}
	if _, tagged := e.Headers["ETag"]; tagged != (got.header.Get("ETag") != "") {
		t.Errorf("ETag: %q, recorded one: %v", got.header.Get("ETag"), tagged)
	}
	var want []string
	list, _ := e.Headers["Link"].([]any)
	for _, l := range list {
		want = append(want, strings.Replace(l.(string), "http://localhost:3001", "", 1))
	}
	var have []string
	for _, l := range got.header.Values("Link") {
		have = append(have, strings.Replace(l, "http://"+got.host, "", 1))
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("Link (-recorded +simulated):\n%.2000s", diff)
	}
}

// settle takes out of a body what is volatile.
func settle(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = settle(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			switch k {
			case "featuredUsers", "featuredApplications":
				list, _ := e.([]any)
				out[k] = len(list)
			case "access_token":
				out[k] = e != ""
			case "scopes", "resourceScopes": // embedded lists without an order
				out[k] = asSet(settle(e))
			default:
				out[k] = settle(e)
			}
		}
		return out
	}
	return v
}

func asSet(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	return list
}

func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(raw)
}
