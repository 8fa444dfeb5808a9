package serve

import (
	"slices"
	"testing"

	"logto-syncer/internal/config"
	"logto-syncer/internal/mirror"
)

// A job that the queue counts as running here stays active until its end is
// written: otherwise the process would rescue its own job meanwhile.
func TestAJobStaysActiveUntilItsEndIsWritten(t *testing.T) {
	t.Parallel()
	b := newFixture(t, `jobs: [{name: job}]`)
	client, err := b.newLogtoClient(b.config.Tenants[0], b.server.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	active := &b.server.activeRuns
	active.add(7, config.Job{Name: "job"}, "acme", client)
	b.server.metrics.recordRun(7, "job", mirror.Summary{Tenant: "acme"})
	if !slices.Contains(active.jobIDs(), 7) {
		t.Error("a job whose end is not written is not active")
	}
	if n := len(active.requestStatsByRun()) + len(active.allProgress()); n > 0 {
		t.Error("a run that is counted is counted again")
	}
	active.remove(7)
	if len(active.jobIDs()) > 0 {
		t.Error("a job that has ended is active")
	}
}
