package state_test

import (
	"context"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
	"logto-syncer/sql"
)

func migrated(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := state.Migrate(ctx, pool)
	return err
}

// one returns the only column of the only row of a query as text; empty: null.
func one(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) string {
	t.Helper()
	var text *string
	if err := pool.QueryRow(t.Context(), sql, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if text == nil {
		return ""
	}
	return *text
}

// migrations returns the names of all migrations in their order.
func migrations(t *testing.T) (names []string) {
	t.Helper()
	entries, err := fs.ReadDir(sql.Folder("migrations"), ".")
	if err != nil || len(entries) < 2 {
		t.Fatalf("%d migrations, %v", len(entries), err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// inTx runs f in a transaction and commits it.
func inTx(t *testing.T, pool *pgxpool.Pool, f func(pgx.Tx) error) error {
	t.Helper()
	return pgx.BeginFunc(t.Context(), pool, f)
}

func TestMigrateRunsWhatIsPendingOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, nil)
	for i, want := range []struct {
		pending bool
		ran     []string
	}{
		{true, migrations(t)}, {false, nil},
	} {
		if pending, err := state.Pending(t.Context(), pool); pending != want.pending || err != nil {
			t.Errorf("time %d: pending %v, %v, want %v", i+1, pending, err, want.pending)
		}
		ran, err := state.Migrate(t.Context(), pool)
		if diff := cmp.Diff(want.ran, ran); diff != "" || err != nil {
			t.Errorf("time %d: %v, ran (-want +got):\n%s", i+1, err, diff)
		}
	}
}

func TestLookingAtAForeignDatabaseChangesNothing(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, nil)
	if _, err := state.Pending(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	if n := one(t, pool, "select count(*)::text from pg_namespace where nspname in ('syncer', 'logto')"); n != "0" {
		t.Errorf("there are %s schemas of ours", n)
	}
}

func TestSeveralMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, nil)
	const n = 4
	ran, errs := make([][]string, n), make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			ran[i], errs[i] = state.Migrate(t.Context(), pool)
		})
	}
	close(start)
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	all := slices.Concat(ran...)
	if diff := cmp.Diff(migrations(t), all); diff != "" {
		t.Errorf("ran (-want +got):\n%s", diff)
	}
}
