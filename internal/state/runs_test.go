package state_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

func errand() state.RunSpec {
	return state.RunSpec{Tenant: "acme", Job: "nightly", Mode: "run", Listings: []string{"users", "roles"}, Endpoint: "https://acme.example"}
}

func begin(t *testing.T, pool *pgxpool.Pool, e state.RunSpec) (state.Run, []int64) {
	t.Helper()
	var abandoned []int64
	run, err := state.BeginOrResume(t.Context(), pool, e, time.Hour, func(_ context.Context, _ pgx.Tx, _ string, id int64) error {
		abandoned = append(abandoned, id)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return run, abandoned
}

func finish(t *testing.T, pool *pgxpool.Pool, run state.Run, status string, cause error) {
	t.Helper()
	var at time.Time
	if status == state.Succeeded || status == state.Unproved {
		at = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if _, err := run.Finish(t.Context(), pool, status, at, cause, state.Effort{}); err != nil {
		t.Fatal(err)
	}
}

func TestARunIsResumedWhereItCanBe(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end               string                 // how the first attempt ended; empty: its process died
		change            func(e *state.RunSpec) // what the next is to do differently
		after             string                 // what happens in between
		resumes, abandons bool
	}{
		"its process died":           {resumes: true},
		"it was stopped":             {end: state.Stopped, resumes: true},
		"it failed":                  {end: state.Failed, resumes: true},
		"it succeeded":               {end: state.Succeeded},
		"it could not prove all":     {end: state.Unproved},
		"it was refused":             {end: state.Refused},
		"it is too old":              {end: state.Stopped, after: "update syncer.runs set started_at = now() - interval '61 minutes'", abandons: true},
		"it was to read other lists": {end: state.Failed, change: func(e *state.RunSpec) { e.Listings = []string{"users"} }, abandons: true},
		"it was a backfill":          {end: state.Failed, change: func(e *state.RunSpec) { e.Mode = "backfill" }, abandons: true},
		"it read another endpoint":   {end: state.Stopped, change: func(e *state.RunSpec) { e.Endpoint = "https://other.example" }, abandons: true},
		"its pages were smaller":     {end: state.Stopped, change: func(e *state.RunSpec) { e.PageSize = 10 }, abandons: true},
		"its program was older":      {end: state.Stopped, change: func(e *state.RunSpec) { e.Version = "v0.2.0" }, abandons: true},
		"its tables were others":     {end: state.Stopped, change: func(e *state.RunSpec) { e.Shape = "other" }, abandons: true},
		"another job asks the same":  {end: state.Stopped, change: func(e *state.RunSpec) { e.Job = "hourly" }, resumes: true},
		"it was of another tenant":   {end: state.Stopped, change: func(e *state.RunSpec) { e.Tenant = "other" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.NewPool(t, migrated)
			first, _ := begin(t, pool, errand())
			if tc.end != "" {
				finish(t, pool, first, tc.end, nil)
			}
			if tc.after != "" {
				if _, err := pool.Exec(t.Context(), tc.after); err != nil {
					t.Fatal(err)
				}
			}
			e := errand()
			if tc.change != nil {
				tc.change(&e)
			}
			second, abandoned := begin(t, pool, e)
			if resumed := second.ID == first.ID; resumed != tc.resumes || second.Resumed() != tc.resumes {
				t.Errorf("resumed: %v, and says %v, want %v", resumed, second.Resumed(), tc.resumes)
			}
			if tc.resumes && (second.Attempt != 2 || !second.Started.Equal(first.Started)) {
				t.Errorf("attempt %d, started %v, want 2 and %v", second.Attempt, second.Started, first.Started)
			}
			var want []int64
			if tc.abandons {
				want = []int64{first.ID}
			}
			if diff := cmp.Diff(want, abandoned, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("abandoned (-want +got):\n%s", diff)
			}
			if status := one(t, pool, "select status from syncer.runs where run_id = $1", first.ID); tc.abandons != (status == state.Abandoned) {
				t.Errorf("the first run is %s", status)
			}
		})
	}
}

func TestOnlyTheLastRunIsResumed(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	first, _ := begin(t, pool, errand())
	backfill := errand()
	backfill.Mode = "backfill"
	second, abandoned := begin(t, pool, backfill)
	if diff := cmp.Diff([]int64{first.ID}, abandoned); diff != "" {
		t.Errorf("abandoned (-want +got):\n%s", diff)
	}
	finish(t, pool, second, state.Succeeded, nil)
	if third, _ := begin(t, pool, errand()); third.Resumed() {
		t.Errorf("run %d is resumed", third.ID)
	}
}

func TestARunClaimedByAnotherAttemptIsNotOurs(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	first, _ := begin(t, pool, errand())
	second, _ := begin(t, pool, errand()) // the first process hangs; the lock was lost
	err := inTx(t, pool, func(tx pgx.Tx) error { _, err := first.LockForPublication(t.Context(), tx); return err })
	if !errors.Is(err, state.ErrRunTaken) {
		t.Errorf("the first process claims the run: %v", err)
	}
	finish(t, pool, first, state.Failed, errors.New("too late"))
	if status := one(t, pool, "select status from syncer.runs"); status != state.Running {
		t.Errorf("the first process ended the run: %s", status)
	}
	if err := inTx(t, pool, func(tx pgx.Tx) error { _, err := second.LockForPublication(t.Context(), tx); return err }); err != nil {
		t.Errorf("the second process does not get the run: %v", err)
	}
	finish(t, pool, second, state.Succeeded, nil)
	err = inTx(t, pool, func(tx pgx.Tx) error { _, err := second.LockForPublication(t.Context(), tx); return err })
	if !errors.Is(err, state.ErrRunTaken) {
		t.Errorf("a finished run is claimed: %v", err)
	}
}

func TestTheMomentOfPublicationOnlyGoesForward(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	claim := func() (at time.Time) {
		run, _ := begin(t, pool, errand())
		err := inTx(t, pool, func(tx pgx.Tx) (err error) {
			if at, err = run.LockForPublication(t.Context(), tx); err != nil {
				return err
			}
			_, err = run.Finish(t.Context(), tx, state.Succeeded, at, nil, state.Effort{})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	first := claim()
	// The clock was an hour ahead when the last run was published.
	if _, err := pool.Exec(t.Context(), "update syncer.runs set published_at = published_at + interval '1 hour'"); err != nil {
		t.Fatal(err)
	}
	second, third := claim(), claim()
	if want := first.Add(time.Hour); !second.After(want) || !third.After(second) {
		t.Errorf("published at %v, then %v, want later than %v", second, third, want)
	}
}

func TestFinishAddsUpTheEffortOfAllAttempts(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	for i, status := range []string{state.Stopped, state.Failed} {
		run, _ := begin(t, pool, errand())
		effort := state.Effort{Requests: 10, Retries: 2, Throttled: 1, Seconds: 0.5}
		if _, err := run.Finish(t.Context(), pool, status, time.Time{}, errors.New("a\x00b\xff"), effort); err != nil {
			t.Fatalf("attempt %d: %v", i+1, err)
		}
	}
	got := one(t, pool, "select concat_ws(' ', status, attempt, requests, retries, throttled, seconds, error, published_at) from syncer.runs")
	if want := "failed 2 20 4 2 1 a�b�"; got != want {
		t.Errorf("the run is %q, want %q", got, want)
	}
	run, _ := begin(t, pool, errand())
	if got := one(t, pool, "select error from syncer.runs"); got != "" || run.Attempt != 3 {
		t.Errorf("a resumed run still has the error %q", got)
	}
}

func TestATenantsEndpointIsTheLastOne(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	for _, endpoint := range []string{"https://a.example", "https://b.example", "https://b.example"} {
		e := errand()
		e.Endpoint = endpoint
		begin(t, pool, e)
	}
	if got := one(t, pool, "select tenant_id || ' ' || endpoint from syncer.tenants"); got != "acme https://b.example" {
		t.Errorf("tenants: %s", got)
	}
}

func TestAnAttemptStagesNothingOnceItsRunIsNotItsOwn(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(t *testing.T, pool *pgxpool.Pool, first state.Run){
		"resumed by another": func(t *testing.T, pool *pgxpool.Pool, first state.Run) {
			t.Helper()
			if second, _ := begin(t, pool, errand()); second.ID != first.ID {
				t.Fatal("the run was not resumed: the test proves nothing")
			}
		},
		"abandoned for another": func(t *testing.T, pool *pgxpool.Pool, _ state.Run) {
			t.Helper()
			backfill := errand()
			backfill.Mode = "backfill"
			begin(t, pool, backfill)
		},
		"abandoned by forget": func(t *testing.T, pool *pgxpool.Pool, _ state.Run) {
			t.Helper()
			err := inTx(t, pool, func(tx pgx.Tx) error { return state.AbandonRuns(t.Context(), tx, "acme", nothingToClear) })
			if err != nil {
				t.Fatal(err)
			}
		},
		"published by another": func(t *testing.T, pool *pgxpool.Pool, _ state.Run) {
			t.Helper()
			second, _ := begin(t, pool, errand())
			finish(t, pool, second, state.Succeeded, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.NewPool(t, migrated)
			first, _ := begin(t, pool, errand())
			fence := func() error { return inTx(t, pool, func(tx pgx.Tx) error { return first.Fence(t.Context(), tx) }) }
			if err := fence(); err != nil {
				t.Fatalf("the attempt that has the run: %v", err)
			}
			take(t, pool, first)
			if err := fence(); !errors.Is(err, state.ErrRunTaken) || !errors.Is(err, state.ErrLocked) {
				t.Errorf("fence: %v, want that the run is another process's", err)
			}
			if ours, err := first.Finish(t.Context(), pool, state.Refused, time.Time{}, nil, state.Effort{}); ours || err != nil {
				t.Errorf("finish: ours %v, error %v", ours, err)
			}
		})
	}
}

func nothingToClear(context.Context, pgx.Tx, string, int64) error { return nil }

// What an earlier attempt has staged is there before the next one looks.
func TestBeginWaitsForTransactionsThatStage(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	first, _ := begin(t, pool, errand())
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if err := first.Fence(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if _, err := first.SaveCheckpoints(t.Context(), tx, "users", 1, []byte(`[]`)); err != nil {
		t.Fatal(err)
	}
	seen := make(chan int, 1)
	go func() {
		defer close(seen)
		second, err := state.BeginOrResume(t.Context(), pool, errand(), time.Hour, nothingToClear)
		if err != nil {
			t.Error(err)
			return
		}
		checkpoints, err := second.Checkpoints(t.Context(), pool, "users")
		if err != nil {
			t.Error(err)
		}
		seen <- len(checkpoints)
	}()
	waitFor(t, pool, "exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')")
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := <-seen; n != 1 {
		t.Errorf("the next attempt sees %d checkpoints, want that of the transaction that was under way", n)
	}
}
