package serve

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"logto-syncer/internal/changes"
	"logto-syncer/internal/config"
	"logto-syncer/internal/state"
)

const changesConfig = `jobs: [{name: nightly, max_age: 36h}, {name: fresh, read: changes, max_age: 10m}]
serve: {rescue_after: 2s}`

// While the tenant is proved, a run that reads changes waits in the queue: it
// sends no request, is not counted as an attempt, and opens no incident.
func TestARunThatReadsChangesIsNeverBesideAProofAndGoesOnAfterIt(t *testing.T) {
	t.Parallel()
	b := newFixture(t, changesConfig)
	address := b.start(t)
	b.prove(t, "nightly")

	reading, goOn, once := make(chan struct{}), make(chan struct{}), sync.Once{}
	b.acme.OnRequest(func(int, *http.Request) {
		once.Do(func() { close(reading) })
		<-goOn
	})
	for _, j := range b.config.Jobs {
		if _, err := b.server.enqueueRunsNow(t.Context(), j, "acme"); err != nil {
			t.Fatal(err)
		}
		if j.Name == "nightly" {
			<-reading
		}
	}
	b.waitFor(t, "the run to yield twice", `select count(*) from syncer_queue.river_job
		where args ->> 'job' = 'fresh' and (metadata ->> 'snoozes')::int >= 2 and attempt = 0 and errors is null`)
	if n := b.count(t, "select count(*) from syncer.runs where mode = 'changes'"); n != 0 {
		t.Errorf("%d runs of changes beside a proof", n)
	}
	close(goOn)
	b.waitFor(t, "the run after the proof", "select count(*) from syncer.runs where mode = 'changes' and status = 'succeeded'")
	if n := b.count(t, "select count(*) from syncer.runs where mode = 'run' and status <> 'succeeded'"); n != 0 {
		t.Errorf("%d proofs did not succeed", n)
	}
	if n := b.count(t, "select count(*) from syncer.incidents"); n != 0 {
		t.Errorf("%d incidents", n)
	}
	b.server.overviewCache.invalidate()
	for path, want := range map[string]string{"/": "Followed up to", "/metrics": `syncer_listing_followed_timestamp_seconds{listing="users",tenant="acme"} 1`} {
		if text := get(t, address+path); !strings.Contains(text, want) {
			t.Errorf("%s does not show %s:\n%s", path, want, text)
		}
	}
}

func TestAProofIsDueWhileItIsUnderWayOrWaitsForAWorker(t *testing.T) {
	t.Parallel()
	b := newFixture(t, changesConfig, "globex")
	nightly, fresh := b.config.Jobs[0], b.config.Jobs[1]
	for _, e := range []struct {
		job    config.Job
		tenant string
	}{{nightly, "acme"}, {fresh, "acme"}, {fresh, "globex"}} {
		if _, err := b.server.enqueueRunsNow(t.Context(), e.job, e.tenant); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		stateOfProof, tenant string
		want                 bool
	}{
		{"available", "acme", true},
		{"running", "acme", true},
		{"scheduled", "acme", false},
		{"retryable", "acme", false},
		{"available", "globex", false},
	} {
		if _, err := b.pool.Exec(t.Context(), "update syncer_queue.river_job set state = $1::text::syncer_queue.river_job_state where args ->> 'job' = 'nightly'", tc.stateOfProof); err != nil {
			t.Fatal(err)
		}
		if due, err := b.server.provingRunIsQueuedOrRunning(t.Context(), tc.tenant); err != nil || due != tc.want {
			t.Errorf("%s, with the proof of acme %s: due is %v, %v", tc.tenant, tc.stateOfProof, due, err)
		}
	}
}

func TestWithoutAProofARunThatReadsChangesFailsOnceWithTheRemedy(t *testing.T) {
	t.Parallel()
	b := newFixture(t, changesConfig)
	b.start(t)
	if _, err := b.server.enqueueRunsNow(t.Context(), b.config.Jobs[1], "acme"); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, "the end of the job", "select count(*) from syncer_queue.river_job where args ->> 'job' = 'fresh' and state = 'cancelled' and attempt = 1")
	b.waitFor(t, "the incident", "select count(*) from syncer.incidents where job = 'fresh' and kind = 'failed' and reason like '%without `read: changes` first%' and closed_at is null")
	b.prove(t, "nightly")
	if _, err := b.server.enqueueRunsNow(t.Context(), b.config.Jobs[1], "acme"); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, "the end of the incident", "select count(*) from syncer.incidents where job = 'fresh' and closed_at is not null")
}

// max_age of a job that reads changes is about how far listings are followed, that
// of other jobs about their proofs.
func TestWhenAFollowedListingIsStale(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	listing := func(name string, proved, followed *time.Time, gap string, by ...string) state.Freshness {
		return state.Freshness{Tenant: "acme", Listing: name, Proof: "complete", ReadAt: *proved, ProvedAt: proved, FollowedUntil: followed, FollowedBy: by, FollowedGap: gap}
	}
	all := config.Selection{All: true}
	nightly := config.Job{Name: "nightly", Listings: all, MaxAge: 36 * time.Hour}
	fresh := config.Job{Name: "fresh", Listings: all, MaxAge: 10 * time.Minute, Read: config.ReadChanges}
	for name, tc := range map[string]struct {
		listings     []state.Freshness
		fresh, proof string
	}{
		"followed and proved": {listings: []state.Freshness{listing("users", ago(time.Hour), ago(time.Minute), "", changes.AuditLog)}},
		"followed, and not proved for long": {
			listings: []state.Freshness{listing("users", ago(48*time.Hour), ago(time.Minute), "", changes.AuditLog)},
			proof:    "users was last proved 2026-10-30 12:00 UTC",
		},
		"proved, and no longer followed": {
			listings: []state.Freshness{listing("users", ago(time.Hour), ago(20*time.Minute), "", changes.AuditLog), listing("roles", ago(time.Hour), ago(time.Minute), "", changes.HookEvents)},
			fresh:    "users is followed up to 2026-11-01 11:40:00 UTC",
		},
		"a gap": {
			listings: []state.Freshness{listing("organizations", ago(time.Hour), ago(20*time.Minute), "the feed has a hole", changes.HookEvents)},
			fresh:    "organizations is followed up to 2026-11-01 11:40:00 UTC: the feed has a hole",
		},
		"read in turn": {
			listings: []state.Freshness{listing("users", ago(time.Hour), ago(time.Minute), "", changes.AuditLog), listing("applications", ago(time.Hour), ago(20*time.Minute), "", changes.WholeList)},
		},
		"nothing is followed": {
			listings: []state.Freshness{listing("users", ago(time.Hour), nil, "")}, fresh: "no listing is followed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := proofAges{map[string][]state.Freshness{"acme": tc.listings}, map[[2]string]time.Time{{"fresh", "acme"}: *ago(time.Hour)}}
			if got := a.staleReason(fresh, "acme", now); got != tc.fresh {
				t.Errorf("the job that reads changes: %q, want %q", got, tc.fresh)
			}
			if got := a.staleReason(nightly, "acme", now); got != tc.proof {
				t.Errorf("the job that proves: %q, want %q", got, tc.proof)
			}
		})
	}
}
