package state_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

func statusMigrated(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := state.Migrate(ctx, pool)
	return err
}

// runOf begins a run of a tenant, and publishes it with one certificate unless
// proof is empty.
func runOf(t *testing.T, pool *pgxpool.Pool, tenant, listing, proof string, readAt time.Time) state.Run {
	t.Helper()
	ctx := t.Context()
	run, err := state.BeginOrResume(ctx, pool, state.RunSpec{Tenant: tenant, Job: "nightly", Mode: "run", Listings: []string{listing}}, 0, nothingToClear)
	if err != nil || proof == "" {
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		at, err := run.LockForPublication(ctx, tx)
		if err != nil {
			return err
		}
		total := 7
		c := state.Certificate{Listing: listing, Walk: "split", Total: &total, Distinct: 7, Proof: proof, ReadAt: readAt, Notes: map[string]int{"odd": 2}}
		_, err = run.Finish(ctx, tx, state.Succeeded, at, nil, state.Effort{Requests: 9, Seconds: 1.5})
		return errors.Join(run.Certify(ctx, tx, []state.Certificate{c}), err)
	})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func TestLastRunsAreTheNewestOfEachTenantWithTheirCertificates(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, statusMigrated)
	now := time.Now()
	runOf(t, pool, "acme", "users", "complete", now)
	second := runOf(t, pool, "acme", "users", "complete", now)
	other := runOf(t, pool, "ours", "users", "", now)
	records, err := state.RecentRuns(t.Context(), pool, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != 2 || records[0].RunID != other.ID || records[1].RunID != second.ID {
		t.Fatalf("want runs %d and %d, have %+v", other.ID, second.ID, records)
	}
	if r := records[1]; len(r.Listings) != 1 || *r.Listings[0].Total != 7 || r.Listings[0].Notes["odd"] != 2 || r.Requests != 9 || r.PublishedAt == nil {
		t.Errorf("a published run comes back as %+v", r)
	}
}

func TestARunIsAliveWhileItsTenantIsLocked(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, statusMigrated)
	runOf(t, pool, "acme", "users", "", time.Time{})
	alive := func() bool {
		records, err := state.RecentRuns(t.Context(), pool, 1)
		if err != nil || len(records) != 1 {
			t.Fatalf("have %+v, %v", records, err)
		}
		return records[0].Alive
	}
	if alive() {
		t.Error("nobody holds the lock, and it counts as alive")
	}
	lock, err := state.AcquireTenantLock(t.Context(), pool, "acme")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if !alive() {
		t.Error("the lock is held, and it counts as dead")
	}
}

func TestFreshIsTheLastReadingAndTheLastProof(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, statusMigrated)
	proved := time.Now().Add(-2 * time.Hour).Truncate(time.Microsecond)
	read := proved.Add(time.Hour)
	runOf(t, pool, "acme", "users", "complete", proved)
	last := runOf(t, pool, "acme", "users", "not proved", read)
	fresh, err := state.ListFreshness(t.Context(), pool)
	if err != nil || len(fresh) != 1 {
		t.Fatalf("have %+v, %v", fresh, err)
	}
	if f := fresh[0]; f.RunID != last.ID || f.Proof != "not proved" || !f.ReadAt.Equal(read) || f.ProvedAt == nil || !f.ProvedAt.Equal(proved) {
		t.Errorf("want read at %s, proved at %s, have %+v", read, proved, f)
	}
}
