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

// A webhookReceiver hears alerts and pings.
type webhookReceiver struct {
	*httptest.Server
	requests     chan receivedRequest
	nextStatuses chan int // answers to give before 200
}

type receivedRequest struct {
	path, body   string
	notification notification
}

func newWebhookReceiver(t *testing.T) *webhookReceiver {
	t.Helper()
	l := &webhookReceiver{requests: make(chan receivedRequest, 100), nextStatuses: make(chan int, 10)}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case status := <-l.nextStatuses:
			w.WriteHeader(status)
			return
		default:
		}
		body, _ := io.ReadAll(r.Body) // what is missing of it is not what is wanted
		h := receivedRequest{path: r.URL.Path, body: string(body)}
		_ = json.Unmarshal(body, &h.notification) // what is not JSON has no notice
		l.requests <- h
	}))
	t.Cleanup(l.Close)
	return l
}

// next returns what is heard next; nothing else must be heard before it.
func (l *webhookReceiver) next(t *testing.T) receivedRequest {
	t.Helper()
	select {
	case h := <-l.requests:
		return h
	case <-time.After(time.Minute):
		t.Fatal("nothing is heard")
		return receivedRequest{}
	}
}

// A jobEvents is the ends of jobs for tenants, as River tells of them.
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
		case <-time.After(time.Minute):
			t.Fatalf("no job of kind %s ends", kind)
			return nil
		}
	}
}

// runOnce has the job run once more, as its retry would.
func (b *fixture) runOnce(t *testing.T, r jobEvents) *river.Event {
	t.Helper()
	if err := b.server.enqueueRuns(t.Context(), b.config.Jobs[0], "acme"); err != nil {
		t.Fatal(err)
	}
	return r.await(t, "tenant")
}

func TestAlertsAreToldOnceAndWhenItIsOver(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind, reason string
		breaks       func(*testing.T, *fixture) (mend func())
	}{
		"a run that fails": {"failed", "status 503", func(_ *testing.T, b *fixture) func() {
			return b.acme.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 503})
		}},
		"a run that is let in no more": {"failed", "status 401", func(_ *testing.T, b *fixture) func() {
			return b.acme.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 401})
		}},
		"a run that would delete too much": {"failed", "max_delete allows", func(t *testing.T, b *fixture) func() {
			t.Helper()
			gone := b.acme.Tenant.Rows("users")[3]["id"].(string)
			if err := b.acme.Tenant.DeleteUser(gone); err != nil {
				t.Fatal(err)
			}
			return func() {
				if _, err := b.pool.Exec(t.Context(), "delete from logto.users where id = $1", gone); err != nil {
					t.Error(err)
				}
			}
		}},
		"a run that is not proved": {"unproved", "users is ", func(t *testing.T, b *fixture) func() {
			t.Helper()
			rows := b.acme.Tenant.Rows("users")
			b.acme.Poison(rows[3]["id"].(string))
			return func() { b.acme.Cure(rows[3]["id"].(string)) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ear := newWebhookReceiver(t)
			b := newFixture(t, `jobs: [{name: job, ping: "`+ear.URL+`/ping"}]
alerts: [{url: "`+ear.URL+`/json?key=hunter2"}, {url: "`+ear.URL+`/slack", form: slack}]`)
			b.start(t)
			ends := b.subscribe(t)
			b.runOnce(t, ends)
			if h := ear.next(t); h.path != "/ping" {
				t.Fatalf("all is well, and yet: %s %s", h.path, h.body)
			}
			mend := tc.breaks(t, b)
			got := map[string]int{}
			for range 3 {
				b.runOnce(t, ends)
			}
			mend()
			for range 3 + 2 { // a ping for each run, each alert once
				h := ear.next(t)
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
					t.Errorf("a secret is told: %s", h.body)
				}
			}
			if got["/json"] != 1 || got["/slack"] != 1 || got["/ping/fail"] != 3 {
				t.Errorf("of three runs that went wrong was heard: %v", got)
			}
			b.runOnce(t, ends)
			for range 3 {
				h := ear.next(t)
				if h.path == "/json" && (h.notification.Event != "closed" || h.notification.Kind != tc.kind) || h.path == "/ping/fail" {
					t.Errorf("when it is over, this is heard: %s %s", h.path, h.body)
				}
			}
			b.runOnce(t, ends)
			if h := ear.next(t); h.path != "/ping" {
				t.Errorf("of what is well for long, this is heard: %s %s", h.path, h.body)
			}
		})
	}
}

func TestATableThatGrowsOldIsToldOnce(t *testing.T) {
	t.Parallel()
	ear := newWebhookReceiver(t)
	b := newFixture(t, `jobs: [{name: job, max_age: 1h, listings: [users]}]
alerts: [{url: "`+ear.URL+`"}]`)
	b.start(t)
	ends := b.subscribe(t)
	b.runOnce(t, ends)
	if _, err := b.pool.Exec(t.Context(), "update syncer.certificates set read_at = now() - interval '61 minutes'"); err != nil {
		t.Fatal(err)
	}
	watch := func() {
		t.Helper()
		if _, err := b.server.queue.Insert(t.Context(), freshnessCheckArgs{}, maintenanceInsertOptions(1)); err != nil {
			t.Fatal(err)
		}
		ends.await(t, "watch")
	}
	for range 3 {
		watch()
	}
	if h := ear.next(t); h.notification.Kind != incidentStale || h.notification.Event != "opened" || !strings.Contains(h.notification.Reason, "users was last proved") {
		t.Errorf("heard: %s", h.body)
	}
	b.runOnce(t, ends)
	watch()
	if h := ear.next(t); h.notification.Kind != incidentStale || h.notification.Event != "closed" {
		t.Errorf("heard: %s", h.body)
	}
}

func TestAnAlertNobodyTookIsSentAgain(t *testing.T) {
	t.Parallel()
	ear := newWebhookReceiver(t)
	b := newFixture(t, `jobs: [{name: job}]
alerts: [{url: "`+ear.URL+`/secret"}]`)
	b.start(t)
	ends := b.subscribe(t)
	ear.nextStatuses <- http.StatusServiceUnavailable
	b.acme.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 403})
	b.runOnce(t, ends)
	if e := ends.await(t, "notice"); e.Kind != river.EventKindJobFailed || strings.Contains(e.Job.Errors[0].Error, "secret") {
		t.Errorf("want a failure that does not show the address, have %s: %v", e.Kind, e.Job.Errors)
	}
	if h := ear.next(t); h.notification.Event != "opened" {
		t.Errorf("heard: %s", h.body)
	}
}
