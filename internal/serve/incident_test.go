package serve

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"logto-syncer/internal/logtotest"
)

// An alertReceiver receives notifications and pings.
type alertReceiver struct {
	*httptest.Server
	requests     chan receivedRequest
	nextStatuses chan int // statuses to respond with before 200
}

type receivedRequest struct {
	path, body   string
	notification notification
}

func newAlertReceiver(t *testing.T) *alertReceiver {
	t.Helper()
	l := &alertReceiver{requests: make(chan receivedRequest, 100), nextStatuses: make(chan int, 10)}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case status := <-l.nextStatuses:
			w.WriteHeader(status)
			return
		default:
		}
		body, _ := io.ReadAll(r.Body) // the test fails on a body that is cut off
		h := receivedRequest{path: r.URL.Path, body: string(body)}
		_ = json.Unmarshal(body, &h.notification) // a body that is not JSON has no notification
		l.requests <- h
	}))
	t.Cleanup(l.Close)
	return l
}

// next waits for the next request and returns it.
func (l *alertReceiver) next(t *testing.T) receivedRequest {
	t.Helper()
	select {
	case h := <-l.requests:
		return h
	case <-time.After(20 * time.Minute):
		t.Fatal("no request is received")
		return receivedRequest{}
	}
}

// jobEvents are River's events of ended jobs.
type jobEvents struct{ events <-chan *river.Event }

func (b *fixture) subscribe(t *testing.T) jobEvents {
	t.Helper()
	events, done := b.server.queue.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobCancelled)
	t.Cleanup(done)
	return jobEvents{events}
}

func (r jobEvents) await(t *testing.T, kind string) *river.Event {
	t.Helper()
	for {
		select {
		case e := <-r.events:
			if e.Job.Kind == kind {
				return e
			}
		case <-time.After(20 * time.Minute):
			t.Fatalf("no job of kind %s events", kind)
			return nil
		}
	}
}

// runOnce runs the job once more, as its retry would, and waits for its end.
func (b *fixture) runOnce(t *testing.T, r jobEvents) *river.Event {
	t.Helper()
	if _, err := b.server.enqueueRunsNow(t.Context(), b.config.Jobs[0], "acme"); err != nil {
		t.Fatal(err)
	}
	return r.await(t, "run")
}

func TestANotificationIsSentOnceWhenAnIncidentOpensAndOnceWhenItCloses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind, reason string
		breakRun     func(*testing.T, *fixture) (repair func())
	}{
		"a run that fails": {"failed", "status 503", func(_ *testing.T, b *fixture) func() {
			return b.acme.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 503})
		}},
		"a run whose access was revoked": {"failed", "status 401", func(_ *testing.T, b *fixture) func() {
			return b.acme.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 401})
		}},
		"a run that would delete too much": {"failed", "max_delete allows", func(t *testing.T, b *fixture) func() {
			t.Helper()
			deleted := b.acme.Tenant.Rows("users")[3]["id"].(string)
			if err := b.acme.Tenant.DeleteUser(deleted); err != nil {
				t.Fatal(err)
			}
			return func() {
				if _, err := b.pool.Exec(t.Context(), "delete from logto.users where id = $1", deleted); err != nil {
					t.Error(err)
				}
			}
		}},
		"a run that is not proved": {"unproved", "users is ", func(t *testing.T, b *fixture) func() {
			t.Helper()
			rows := b.acme.Tenant.Rows("users")
			b.acme.FailOnRow(rows[3]["id"].(string))
			return func() { b.acme.RepairRow(rows[3]["id"].(string)) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			receiver := newAlertReceiver(t)
			b := newFixture(t, `jobs: [{name: job, ping: "`+receiver.URL+`/ping"}]
alerts: [{url: "`+receiver.URL+`/json?key=hunter2"}, {url: "`+receiver.URL+`/slack", form: slack}]`)
			b.start(t)
			events := b.subscribe(t)
			b.runOnce(t, events)
			if h := receiver.next(t); h.path != "/ping" {
				t.Fatalf("after a good run: %s %s, want a ping", h.path, h.body)
			}
			repair := tc.breakRun(t, b)
			got := map[string]int{}
			for range 3 {
				b.runOnce(t, events)
			}
			repair()
			for range 3 + 2 { // a ping for each run, each alert once
				h := receiver.next(t)
				got[h.path]++
				switch h.path {
				case "/json":
					if h.notification.Kind != tc.kind || h.notification.Event != "opened" || !strings.Contains(h.notification.Reason, tc.reason) || h.notification.Remedy == "" || h.notification.Tenant != "acme" {
						t.Errorf("the alert is %s", h.body)
					}
				case "/slack":
					if !strings.Contains(h.body, `{"text":":rotating_light: *job* of *acme*`) || !strings.Contains(h.body, "What to do") {
						t.Errorf("the text is %s", h.body)
					}
				}
				if strings.Contains(h.body, "hunter2") || strings.Contains(h.body, b.acme.AppSecret) {
					t.Errorf("the request shows a secret: %s", h.body)
				}
			}
			if got["/json"] != 1 || got["/slack"] != 1 || got["/ping/fail"] != 3 {
				t.Errorf("requests after three bad runs: %v", got)
			}
			b.runOnce(t, events)
			for range 3 {
				h := receiver.next(t)
				if h.path == "/json" && (h.notification.Event != "closed" || h.notification.Kind != tc.kind) || h.path == "/ping/fail" {
					t.Errorf("after the repair: %s %s", h.path, h.body)
				}
			}
			b.runOnce(t, events)
			if h := receiver.next(t); h.path != "/ping" {
				t.Errorf("after another good run: %s %s, want a ping", h.path, h.body)
			}
		})
	}
}

func TestANotificationOfAStaleListingIsSentOnce(t *testing.T) {
	t.Parallel()
	receiver := newAlertReceiver(t)
	b := newFixture(t, `jobs: [{name: job, max_age: 1h, listings: [users]}]
alerts: [{url: "`+receiver.URL+`"}]`)
	b.start(t)
	events := b.subscribe(t)
	b.runOnce(t, events)
	if _, err := b.pool.Exec(t.Context(), "update syncer.certificates set read_at = now() - interval '61 minutes'"); err != nil {
		t.Fatal(err)
	}
	checkFreshness := func() {
		t.Helper()
		if _, err := b.server.queue.Insert(t.Context(), freshnessCheckArgs{}, maintenanceInsertOptions(1)); err != nil {
			t.Fatal(err)
		}
		events.await(t, "freshness_check")
	}
	for range 3 {
		checkFreshness()
	}
	if h := receiver.next(t); h.notification.Kind != incidentStale || h.notification.Event != "opened" || !strings.Contains(h.notification.Reason, "users was last proved") {
		t.Errorf("request: %s", h.body)
	}
	b.runOnce(t, events)
	checkFreshness()
	if h := receiver.next(t); h.notification.Kind != incidentStale || h.notification.Event != "closed" {
		t.Errorf("request: %s", h.body)
	}
}

func TestANotificationThatWasNotAcceptedIsSentAgain(t *testing.T) {
	t.Parallel()
	receiver := newAlertReceiver(t)
	b := newFixture(t, `jobs: [{name: job}]
alerts: [{url: "`+receiver.URL+`/secret"}]`)
	b.start(t)
	events := b.subscribe(t)
	receiver.nextStatuses <- http.StatusServiceUnavailable
	b.acme.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 403})
	b.runOnce(t, events)
	if e := events.await(t, "notification"); e.Kind != river.EventKindJobFailed || strings.Contains(e.Job.Errors[0].Error, "secret") {
		t.Errorf("want a failure that does not show the address, have %s: %v", e.Kind, e.Job.Errors)
	}
	if h := receiver.next(t); h.notification.Event != "opened" {
		t.Errorf("request: %s", h.body)
	}
}
