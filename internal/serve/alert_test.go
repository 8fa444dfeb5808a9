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

// A listener hears alerts and pings.
type listener struct {
	*httptest.Server
	heard chan heard
	deaf  chan int // answers to give before 200
}

type heard struct {
	path, body string
	notice     notice
}

func listen(t *testing.T) *listener {
	t.Helper()
	l := &listener{heard: make(chan heard, 100), deaf: make(chan int, 10)}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case status := <-l.deaf:
			w.WriteHeader(status)
			return
		default:
		}
		body, _ := io.ReadAll(r.Body) // what is missing of it is not what is wanted
		h := heard{path: r.URL.Path, body: string(body)}
		_ = json.Unmarshal(body, &h.notice) // what is not JSON has no notice
		l.heard <- h
	}))
	t.Cleanup(l.Close)
	return l
}

// next returns what is heard next; nothing else must be heard before it.
func (l *listener) next(t *testing.T) heard {
	t.Helper()
	select {
	case h := <-l.heard:
		return h
	case <-time.After(time.Minute):
		t.Fatal("nothing is heard")
		return heard{}
	}
}

// A runs is the ends of jobs for tenants, as River tells of them.
type runs struct{ events <-chan *river.Event }

func (b *bench) runs(t *testing.T) runs {
	t.Helper()
	events, done := b.server.river.Subscribe(river.EventKindJobCompleted, river.EventKindJobFailed, river.EventKindJobCancelled)
	t.Cleanup(done)
	return runs{events}
}

func (r runs) await(t *testing.T, kind string) *river.Event {
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

// again has the job run once more, as its retry would.
func (b *bench) again(t *testing.T, r runs) *river.Event {
	t.Helper()
	if err := b.server.enqueue(t.Context(), b.config.Jobs[0], "acme"); err != nil {
		t.Fatal(err)
	}
	return r.await(t, "tenant")
}

func TestAlertsAreToldOnceAndWhenItIsOver(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind, reason string
		breaks       func(*testing.T, *bench) (mend func())
	}{
		"a run that fails": {"failed", "status 503", func(_ *testing.T, b *bench) func() {
			return b.tenant.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 503})
		}},
		"a run that is let in no more": {"failed", "status 401", func(_ *testing.T, b *bench) func() {
			return b.tenant.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 401})
		}},
		"a run that would delete too much": {"failed", "max_delete allows", func(t *testing.T, b *bench) func() {
			t.Helper()
			gone := b.tenant.Tenant.Rows("users")[3]["id"].(string)
			if err := b.tenant.Tenant.DeleteUser(gone); err != nil {
				t.Fatal(err)
			}
			return func() {
				if _, err := b.pool.Exec(t.Context(), "delete from logto.users where id = $1", gone); err != nil {
					t.Error(err)
				}
			}
		}},
		"a run that is not proved": {"unproved", "users is ", func(t *testing.T, b *bench) func() {
			t.Helper()
			rows := b.tenant.Tenant.Rows("users")
			b.tenant.Poison(rows[3]["id"].(string))
			return func() { b.tenant.Cure(rows[3]["id"].(string)) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ear := listen(t)
			b := newBench(t, `jobs: [{name: job, ping: "`+ear.URL+`/ping"}]
alerts: [{url: "`+ear.URL+`/json?key=hunter2"}, {url: "`+ear.URL+`/slack", form: slack}]`)
			b.run(t)
			ends := b.runs(t)
			b.again(t, ends)
			if h := ear.next(t); h.path != "/ping" {
				t.Fatalf("all is well, and yet: %s %s", h.path, h.body)
			}
			mend := tc.breaks(t, b)
			got := map[string]int{}
			for range 3 {
				b.again(t, ends)
			}
			mend()
			for range 3 + 2 { // a ping for each run, each alert once
				h := ear.next(t)
				got[h.path]++
				switch h.path {
				case "/json":
					if h.notice.Kind != tc.kind || h.notice.Event != "opened" || !strings.Contains(h.notice.Reason, tc.reason) || h.notice.ToDo == "" || h.notice.Tenant != "acme" {
						t.Errorf("the alert is %s", h.body)
					}
				case "/slack":
					if !strings.Contains(h.body, `{"text":":rotating_light: *job* of *acme*`) || !strings.Contains(h.body, "What to do") {
						t.Errorf("the text is %s", h.body)
					}
				}
				if strings.Contains(h.body, "hunter2") || strings.Contains(h.body, b.tenant.AppSecret) {
					t.Errorf("a secret is told: %s", h.body)
				}
			}
			if got["/json"] != 1 || got["/slack"] != 1 || got["/ping/fail"] != 3 {
				t.Errorf("of three runs that went wrong was heard: %v", got)
			}
			b.again(t, ends)
			for range 3 {
				h := ear.next(t)
				if h.path == "/json" && (h.notice.Event != "closed" || h.notice.Kind != tc.kind) || h.path == "/ping/fail" {
					t.Errorf("when it is over, this is heard: %s %s", h.path, h.body)
				}
			}
			b.again(t, ends)
			if h := ear.next(t); h.path != "/ping" {
				t.Errorf("of what is well for long, this is heard: %s %s", h.path, h.body)
			}
		})
	}
}

func TestATableThatGrowsOldIsToldOnce(t *testing.T) {
	t.Parallel()
	ear := listen(t)
	b := newBench(t, `jobs: [{name: job, max_age: 1h, listings: [users]}]
alerts: [{url: "`+ear.URL+`"}]`)
	b.run(t)
	ends := b.runs(t)
	b.again(t, ends)
	if _, err := b.pool.Exec(t.Context(), "update syncer.certificates set read_at = now() - interval '61 minutes'"); err != nil {
		t.Fatal(err)
	}
	watch := func() {
		t.Helper()
		if _, err := b.server.river.Insert(t.Context(), watchArgs{}, choreOptions(1)); err != nil {
			t.Fatal(err)
		}
		ends.await(t, "watch")
	}
	for range 3 {
		watch()
	}
	if h := ear.next(t); h.notice.Kind != stale || h.notice.Event != "opened" || !strings.Contains(h.notice.Reason, "users was last proved") {
		t.Errorf("heard: %s", h.body)
	}
	b.again(t, ends)
	watch()
	if h := ear.next(t); h.notice.Kind != stale || h.notice.Event != "closed" {
		t.Errorf("heard: %s", h.body)
	}
}

func TestAnAlertNobodyTookIsSentAgain(t *testing.T) {
	t.Parallel()
	ear := listen(t)
	b := newBench(t, `jobs: [{name: job}]
alerts: [{url: "`+ear.URL+`/secret"}]`)
	b.run(t)
	ends := b.runs(t)
	ear.deaf <- http.StatusServiceUnavailable
	b.tenant.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 403})
	b.again(t, ends)
	if e := ends.await(t, "notice"); e.Kind != river.EventKindJobFailed || strings.Contains(e.Job.Errors[0].Error, "secret") {
		t.Errorf("want a failure that does not show the address, have %s: %v", e.Kind, e.Job.Errors)
	}
	if h := ear.next(t); h.notice.Event != "opened" {
		t.Errorf("heard: %s", h.body)
	}
}
