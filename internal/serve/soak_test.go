//go:build soak

package serve

import (
	"flag"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"logto-syncer/internal/config"
	"logto-syncer/internal/mirror"
)

var soakRuns = flag.Int("soak-runs", 40, "how many runs one after another to look for growth over; a day of a run a minute is 1440")

// A resource is a quantity that must not grow.
type resource struct {
	name      string
	value     int64
	tolerance int64 // by how much it may vary
}

// Runs leave their row and their certificates, which are deleted when they are
// old, and nothing else.
func TestNoResourceGrowsWithTheNumberOfRuns(t *testing.T) { //nolint:paralleltest // it measures the whole process
	b := newFixture(t, `jobs: [{name: job, listings: [users], max_age: 1h}]`)
	b.server.NewMirrorJob = func(cfg *config.Config, tenant config.Tenant, j config.Job) mirror.Job {
		job := newMirrorJob(cfg, tenant, j)
		job.Guard = nil // the tenant loses users
		return job
	}
	b.start(t)
	events := b.subscribe(t)
	warm := max(10, *soakRuns/8)
	for range warm {
		b.runOnce(t, events)
	}
	before := b.measureResources(t, events)
	dice := rand.New(rand.NewPCG(1, 2))
	for n := range *soakRuns {
		if n%10 == 0 {
			b.acme.Tenant.MakeRandomChange(dice)
		}
		b.runOnce(t, events)
	}
	after := b.measureResources(t, events)
	for i, f := range after {
		t.Logf("%-28s %12d after %d runs, %12d after %d", f.name, before[i].value, warm, f.value, warm+*soakRuns)
		if f.value > before[i].value+f.tolerance {
			t.Errorf("%s has grown from %d to %d", f.name, before[i].value, f.value)
		}
	}
}

// measureResources measures after everything old has been deleted.
func (b *fixture) measureResources(t *testing.T, events jobEvents) []resource {
	t.Helper()
	for _, sql := range []string{
		"update syncer.runs set started_at = started_at - interval '500 days', finished_at = finished_at - interval '500 days'",
		"update syncer_queue.river_job set finalized_at = finalized_at - interval '10 days' where finalized_at is not null",
	} {
		if _, err := b.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	for left := 2; left > 1; {
		if _, err := b.server.queue.Insert(t.Context(), freshnessCheckArgs{}, maintenanceInsertOptions(1)); err != nil {
			t.Fatal(err)
		}
		events.await(t, "freshness_check")
		left = int(b.count(t, "select count(*) from syncer.runs"))
	}
	for deadline := time.After(20 * time.Minute); b.count(t, "select count(*) from syncer_queue.river_job where finalized_at < now() - interval '9 days'") > 0; {
		select { // River deletes old jobs every half a minute
		case <-deadline:
			t.Fatal("River does not delete old jobs")
		case <-time.After(time.Second):
		}
	}
	b.acme.ResetCounters()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return []resource{
		{"bytes of heap", int64(m.HeapAlloc), 4 << 20},
		{"goroutines", int64(runtime.NumGoroutine()), 10},
		{"connections", b.count(t, "select count(*) from pg_stat_activity where datname = current_database()"), 4},
		{"rows of syncer.runs", b.count(t, "select count(*) from syncer.runs"), 0},
		{"rows of syncer.certificates", b.count(t, "select count(*) from syncer.certificates"), 0},
		{"rows of syncer.checkpoints", b.count(t, "select count(*) from syncer.checkpoints"), 0},
		{"rows of syncer.incidents", b.count(t, "select count(*) from syncer.incidents"), 0},
		{"rows of syncer.servers", b.count(t, "select count(*) from syncer.servers"), 0},
		{"rows of the queue", b.count(t, "select count(*) from syncer_queue.river_job"), 6},
		{"tables of the stage", b.count(t, "select count(*) from pg_tables where schemaname = 'syncer_stage'"), 0},
	}
}
