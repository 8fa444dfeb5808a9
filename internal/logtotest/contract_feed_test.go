package logtotest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/logtotest"
)

// An action is what an administrator did on a real 1.42.0, and the hook-log rows
// that it left.
type action struct {
	Action, Request string
	Body            map[string]any
	Response        any
	Logs            []struct {
		Key     string
		Payload map[string]any
	}
	UserUpdatedAt string `json:"user_updated_at"`
}

// recordedHook is the hook that was told of every data event.
const recordedHook = "retm0cxvmlf3wi657x82c"

// TestWhatAnAdministratorDoesLeavesTheRecordedHookLogs does every recorded action
// to a simulated tenant and compares the hook-log rows: how many, their keys, and
// their payloads but for times and why the delivery failed.
func TestWhatAnAdministratorDoesLeavesTheRecordedHookLogs(t *testing.T) {
	t.Parallel()
	actions := readLines[action](t, "testdata/feed.jsonl", 48)
	tenant := logtotest.Generate(logtotest.Options{Users: 3})
	insert(t, tenant, "users", logtotest.Row{"id": "p5kn5bxwzj3i", "username": "feed2_1795807002"})
	hook(t, tenant, recordedHook, recordedEvents(actions)...)
	s := start(t, tenant, logtotest.WithVersion("1.42"))
	bearer := token(t, s, "all")
	seen := map[string]bool{}
	for i, a := range actions { //nolint:paralleltest // each action builds on those before it
		t.Run(fmt.Sprintf("%02d %s", i+1, a.Action), func(t *testing.T) {
			before := updated(tenant)
			if err := perform(tenant, a); err != nil {
				t.Fatal(err)
			}
			tenant.AdvanceClock(time.Second)
			rows := newHookLogs(t, s, bearer, recordedHook, seen)
			if len(rows) != len(a.Logs) {
				t.Fatalf("left %d hook-log rows, a real server %d: %v", len(rows), len(a.Logs), rows)
			}
			for j, want := range a.Logs {
				if rows[j]["key"] != want.Key {
					t.Errorf("key %v, a real server %s", rows[j]["key"], want.Key)
				}
				if diff := cmp.Diff(timeless(want.Payload), timeless(rows[j]["payload"])); diff != "" {
					t.Errorf("payload, - recorded + simulated:\n%s", diff)
				}
			}
			if a.UserUpdatedAt != "" && (before != updated(tenant)) != (a.UserUpdatedAt == "changed") {
				t.Errorf("updated_at of the user: from %s to %s, recorded as %s", before, updated(tenant), a.UserUpdatedAt)
			}
		})
	}
}

func recordedEvents(actions []action) []string {
	var events []string
	for _, a := range actions {
		for _, l := range a.Logs {
			events = append(events, strings.TrimPrefix(l.Key, "TriggerHook."))
		}
	}
	slices.Sort(events)
	return slices.Compact(events)
}

// hook adds a webhook by SQL.
func hook(t *testing.T, tenant *logtotest.Tenant, id string, events ...string) {
	t.Helper()
	insert(t, tenant, "hooks", logtotest.Row{
		"id": id, "name": id, "events": events, "config": logtotest.Row{"url": "http://127.0.0.1:9"}, "signing_key": "key",
	})
}

func insert(t *testing.T, tenant *logtotest.Tenant, table string, row logtotest.Row) string {
	t.Helper()
	id, err := tenant.DirectSQL().Insert(table, row)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// updated is the updated_at of the recorded user.
func updated(tenant *logtotest.Tenant) string {
	for _, r := range tenant.Rows("users") {
		if r["id"] == "9shw90hl42q7" {
			return r["updated_at"].(string)
		}
	}
	return ""
}

// newHookLogs lists the hook-log rows that nobody has seen yet, oldest first.
func newHookLogs(t *testing.T, s *logtotest.Server, bearer, hook string, seen map[string]bool) []map[string]any {
	t.Helper()
	got := ask(t, s, http.MethodGet, "/api/hooks/"+hook+"/recent-logs?page=1&page_size=100", bearer)
	list, ok := got.body.([]any)
	if !ok {
		t.Fatalf("recent-logs: %d %s", got.status, got.raw)
	}
	var rows []map[string]any
	for _, e := range slices.Backward(list) {
		r := e.(map[string]any)
		if id := r["id"].(string); !seen[id] {
			seen[id] = true
			rows = append(rows, r)
		}
	}
	return rows
}

// timeless takes out of a payload what no two servers have in common.
func timeless(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = timeless(v[i])
		}
	case map[string]any:
		for k, e := range v {
			switch k {
			case "createdAt", "updatedAt", "error":
				v[k] = fmt.Sprintf("%T", e)
			default:
				v[k] = timeless(e)
			}
		}
	}
	return v
}

// perform does to a simulated tenant what a recorded request did to a real one.
func perform(tenant *logtotest.Tenant, a action) error {
	method, path, _ := strings.Cut(a.Request, " ")
	parts := strings.Split(strings.TrimPrefix(path, "/api/"), "/")
	for _, r := range recordedRoutes() {
		var args []string
		words := strings.Split(r.route, "/")
		fits := r.method == method && len(words) == len(parts)
		for i := 0; fits && i < len(words); i++ {
			if words[i] == "*" {
				args = append(args, parts[i])
			} else if words[i] != parts[i] {
				fits = false
			}
		}
		if fits {
			return r.do(tenant, args, a)
		}
	}
	return fmt.Errorf("nothing is known of %s", a.Request)
}
