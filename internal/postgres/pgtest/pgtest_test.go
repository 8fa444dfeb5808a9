package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
)

func oneRow(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, "create table t (n int); insert into t values (1)")
	return err
}

func TestEveryTestHasItsOwnCopyOfThePreparedDatabase(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "another", "a third"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.NewPool(t, oneRow)
			if _, err := pool.Exec(t.Context(), "insert into t values (2)"); err != nil {
				t.Fatal(err)
			}
			if n := count(t, pool); n != 2 {
				t.Errorf("rows = %d, want 2: the prepared one and our own", n)
			}
		})
	}
}

func TestADatabaseWithoutPrepareIsEmpty(t *testing.T) {
	t.Parallel()
	var exists bool
	err := pgtest.NewPool(t, nil).QueryRow(t.Context(), "select to_regclass('t') is not null").Scan(&exists)
	if err != nil || exists {
		t.Errorf("table t exists = %t, error = %v", exists, err)
	}
}

func TestAServerKeepsItsDataAfter(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*pgtest.Instance){
		"a restart": (*pgtest.Instance).Restart,
		"a kill":    func(i *pgtest.Instance) { i.Kill(); i.Start() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := pgtest.StartInstance(t)
			pool, err := pgxpool.New(t.Context(), srv.URL("postgres"))
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			if err := oneRow(t.Context(), pool); err != nil {
				t.Fatal(err)
			}
			fault(srv)
			pool.Reset() // its connections are broken
			if n := count(t, pool); n != 1 {
				t.Errorf("rows = %d, want 1", n)
			}
		})
	}
}

func count(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), "select count(*) from t").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
