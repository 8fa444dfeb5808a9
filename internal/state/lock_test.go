package state_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

// often is how often a lock is looked after here.
const often = 10 * time.Millisecond

func acquire(t *testing.T, pool *pgxpool.Pool, tenant string) *state.TenantLock {
	t.Helper()
	lock, err := state.AcquireTenantLock(t.Context(), pool, tenant)
	if err != nil {
		t.Fatal(err)
	}
	return lock
}

// holders are the server processes that hold a lock in the database.
const holders = "select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())"

func TestATenantIsLockedOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, nil)
	lock := acquire(t, pool, "acme")
	if _, err := state.AcquireTenantLock(t.Context(), pool, "acme"); !errors.Is(err, state.ErrLocked) {
		t.Errorf("locked twice: %v", err)
	}
	acquire(t, pool, "other").Release()
	lock.Release()
	lock.Release() // once is enough, twice does no harm
	acquire(t, pool, "acme").Release()
}

// The connection is what dies with a process.
func TestALockEndsWithItsConnection(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, nil)
	lock := acquire(t, pool, "acme")
	defer lock.Release()
	terminate(t, pool)
	acquire(t, pool, "acme").Release()
}

// terminate ends the connections that hold locks, and waits until the locks
// are free.
func terminate(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), "select pg_terminate_backend(pid, 60000) from ("+holders+") h"); err != nil {
		t.Fatal(err)
	}
}

// hold holds a lock until the test calls stop, which returns what KeepHeld did.
func hold(t *testing.T, lock *state.TenantLock) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- lock.KeepHeld(ctx, often) }()
	return func() error {
		cancel()
		return <-done
	}
}

func TestALockIsTakenAgainAfterARestart(t *testing.T) {
	t.Parallel()
	srv := pgtest.StartInstance(t)
	pool, err := pgxpool.New(t.Context(), srv.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	lock := acquire(t, pool, "acme")
	defer lock.Release()
	stop := hold(t, lock)
	srv.Restart()
	pool.Reset()
	waitFor(t, pool, "exists ("+holders+")")
	if _, err := state.AcquireTenantLock(t.Context(), pool, "acme"); !errors.Is(err, state.ErrLocked) {
		t.Errorf("the lock is free: %v", err)
	}
	if err := stop(); err != nil {
		t.Errorf("hold: %v", err)
	}
}

// waitFor asks the database until a condition holds or the test is over.
func waitFor(t *testing.T, pool *pgxpool.Pool, condition string) {
	t.Helper()
	tick := time.NewTicker(often)
	defer tick.Stop()
	for {
		if one(t, pool, "select ("+condition+")::text") == "true" {
			return
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("waited in vain for %s", condition)
		}
	}
}

func TestALockThatSomebodyElseGotIsReported(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, nil)
	lock := acquire(t, pool, "acme")
	defer lock.Release()
	terminate(t, pool)
	other := acquire(t, pool, "acme") // before the first one notices
	defer other.Release()
	if err := lock.KeepHeld(t.Context(), often); !errors.Is(err, state.ErrLocked) {
		t.Errorf("hold: %v, want that another run has the lock", err)
	}
}

func TestHoldEndsWithItsContext(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, nil)
	lock := acquire(t, pool, "acme")
	if err := hold(t, lock)(); err != nil {
		t.Errorf("hold: %v", err)
	}
	lock.Release()
	acquire(t, pool, "acme").Release()
}

func TestHowLongATenantHasRestedIsKnownUnlessItsReaderDied(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	ask := func(after string, right func(time.Duration) bool) {
		t.Helper()
		ago, err := state.BeginRequests(t.Context(), pool, "acme", "https://acme.logto.app")
		if err != nil || !right(ago) {
			t.Errorf("%s: asked %v ago, error %v", after, ago, err)
		}
	}
	ask("the first time", func(ago time.Duration) bool { return ago == state.NeverRequested })
	ask("after one that died", func(ago time.Duration) bool { return ago == 0 })
	if err := state.EndRequests(t.Context(), pool, "acme"); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), "update syncer.tenants set last_request_at = last_request_at - interval '1 hour'"); err != nil {
		t.Fatal(err)
	}
	ask("an hour later", func(ago time.Duration) bool { return ago >= time.Hour && ago < 2*time.Hour })
}
