package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
)

// changesJobs has a job that proves and one that reads what changed.
const changesJobs = `
database: ${DATABASE_URL}
tenants:
  - {name: logto, endpoint: "${LOGTO_ENDPOINT}", app_id: "${LOGTO_APP_ID}", app_secret: "${LOGTO_APP_SECRET}"}
jobs:
  - {name: nightly}
  - {name: fresh, read: changes}
`

// drawChangesKillPoint draws a moment of a run of changes, which sends few
// requests; places in the database come in turn.
func (k *killTest) drawChangesKillPoint(r *rand.Rand) killPoint {
	if r.IntN(100) < 60 {
		return killPoint{after: 1 + r.IntN(7)}
	}
	const write = "share"
	points := []killPoint{
		{table: "syncer.runs", mode: write},
		{table: "logto.users", mode: write},
		{table: "logto_history.users", mode: write},
		{table: "syncer.feed_positions", mode: write},
		{table: "syncer.followed", mode: write},
		{table: stageTables, mode: "access share"},
	}
	k.nextPoint++
	b := points[k.nextPoint%len(points)]
	b.after = r.IntN(2) * (1 + r.IntN(5))
	return b
}

// A run of changes is killed 50 times. Its positions move with what it
// publishes: where they have moved, the mirror equals the tenant, and where they
// have not, the next run reads the same changes again.
func TestAKilledRunOfChangesNeverLeavesItsPositionsAheadOfTheMirror(t *testing.T) {
	t.Parallel()
	s := newFixtureOf(t, logtotest.Options{Users: 200, Seed: 5})
	if err := os.WriteFile(s.dir+"/jobs.yaml", []byte(changesJobs), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &killTest{fixture: s, deadTokens: map[string]bool{}}
	k.migrate(t)
	k.finish(t, false) // a proof, to follow changes from
	k.job = "fresh"
	draws := rand.New(rand.NewPCG(5, 1))
	moves, lost := 0, 0
	for k.kills < 50 {
		k.changeSome(t, draws)
		k.server.Tenant.AdvanceClock(time.Minute) // every delivery is logged
		before, kills := k.feedPositions(t), k.kills
		k.runUntilKilled(t, k.drawChangesKillPoint(draws))
		switch moved := k.feedPositions(t) != before; {
		case moved:
			moves++
			k.wantEqual(t)
		case k.kills > kills:
			lost++
		}
		if t.Failed() {
			t.Fatalf("after %d kills", k.kills)
		}
	}
	k.recordRequests(func(int) {})
	if p := k.start(t, "run", "-q", "fresh"); p.wait(t) != exitDone {
		t.Fatalf("the last run: %s", p.errs.String())
	}
	k.wantEqual(t)
	if moves == 0 || lost < 25 {
		t.Errorf("%d runs were published, %d of 50 killed before: the test says little", moves, lost)
	}
}

// changeSome makes changes that events tell of, of few users: each round makes
// a user, renames some and deletes one.
func (k *killTest) changeSome(t *testing.T, draws *rand.Rand) {
	t.Helper()
	must[string](t, "make a user")(k.server.Tenant.CreateUser(logtotest.Row{"name": "New"}))
	users := simulatedRowIDs(k.server.Tenant, "users")
	for range 3 {
		name := logtotest.Row{"name": fmt.Sprint("Changed ", draws.IntN(1e9))}
		if err := k.server.Tenant.UpdateUser(users[draws.IntN(len(users))], name); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.server.Tenant.DeleteUsers(users[draws.IntN(len(users))]); err != nil {
		t.Fatal(err)
	}
}

// feedPositions returns how far each feed has been read.
func (k *killTest) feedPositions(t *testing.T) (text string) {
	t.Helper()
	const sql = "select coalesce(string_agg(p::text, ',' order by p.source), '') from syncer.feed_positions p"
	if err := k.pool.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}
