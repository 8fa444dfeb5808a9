package mirror

import (
	"errors"
	"testing"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/postgres/pgtest"
)

// Between the transaction that the guard has refused and the one that clears
// the stage, another process may have resumed the run.
func TestAnAttemptThatIsRefusedClearsNoStageButItsOwn(t *testing.T) {
	t.Parallel()
	for name, taken := range map[string]bool{"the run is its own": false, "the run was resumed elsewhere": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.NewPool(t, migrate)
			r := offline(t, pool)
			job := Job{Tenant: "acme", Listings: catalog.Select([]string{"users"}), ResumeWithin: time.Hour}
			refused, err := r.begin(t.Context(), job)
			if err != nil {
				t.Fatal(err)
			}
			if err := refused.sink.Put(t.Context(), user("one")); err != nil {
				t.Fatal(err)
			}
			if taken {
				if second, err := r.begin(t.Context(), job); err != nil || !second.run.Resumed() {
					t.Fatalf("the run is not resumed: %v", err)
				}
			}
			if err := refused.fail(t.Context(), &Summary{}, &GuardError{OtherTenant: true}, time.Now()); !errors.As(err, new(*GuardError)) {
				t.Error(err)
			}
			var staged, checkpoints bool
			const sql = "select to_regclass('syncer_stage.run_1_users') is not null, exists (select from syncer.checkpoints)"
			if err := pool.QueryRow(t.Context(), sql).Scan(&staged, &checkpoints); err != nil {
				t.Fatal(err)
			}
			if staged != taken || checkpoints != taken {
				t.Errorf("rows are staged: %v, checkpoints are there: %v, want %v", staged, checkpoints, taken)
			}
		})
	}
}
