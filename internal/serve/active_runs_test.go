package serve

import (
	"slices"
	"testing"

	"logto-syncer/internal/mirror"
)

// What the queue takes to be with this process is, until the queue is told:
// else it would take itself for dead while it tells what came of a run.
func TestAJobIsAtTheDeskUntilItIsOver(t *testing.T) {
	t.Parallel()
	b := newFixture(t, `jobs: [{name: job}]`)
	client, err := b.newLogtoClient(b.config.Tenants[0], b.server.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	desk := &b.server.activeRuns
	desk.add(7, "job", "acme", client)
	b.server.metrics.recordRun(7, "job", mirror.Summary{Tenant: "acme"})
	if !slices.Contains(desk.jobIDs(), 7) {
		t.Error("a job that still has its end to tell is not at the desk")
	}
	if n := len(desk.requestStats()) + len(desk.progress()); n > 0 {
		t.Error("a run that is counted is counted again")
	}
	desk.remove(7)
	if len(desk.jobIDs()) > 0 {
		t.Error("a job that is over is at the desk")
	}
}
