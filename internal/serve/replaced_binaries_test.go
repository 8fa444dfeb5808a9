package serve

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres"
	"logto-syncer/internal/postgres/pgtest"
)

// An upgrade of PostgreSQL replaces the binaries of the embedded server while
// serve runs.
func TestServeGoesOnAfterAnUpgradeOfTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	b := newFixture(t, `jobs: [{name: job}]
serve: {rescue_after: 2s}`)
	installed := pgtest.CopyInstallation(t)
	embedded, err := postgres.Start(t.Context(), postgres.Options{Dir: installed.ServerDir(), BinDir: installed.BinDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := embedded.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	b.useDatabase(t, embedded.URL("postgres"))
	restarted := make(chan error, 10)
	b.server.RestartBrokenDatabase = func(ctx context.Context) (bool, error) {
		done, err := embedded.RestartIfBinariesBroken(ctx)
		if done || err != nil {
			restarted <- err
		}
		return done, err
	}
	b.start(t)
	events := b.subscribe(t)
	b.runOnce(t, events)
	installed.SimulateUpgrade()
	select {
	case err := <-restarted:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Minute):
		t.Fatal("serve does not restart the embedded server")
	}
	b.pool.Reset() // its connections are broken
	b.runOnce(t, events)
	if n := b.count(t, "select count(*) from syncer.runs where status = 'succeeded'"); n != 2 {
		t.Errorf("%d runs succeeded, want 2: one before and one after the upgrade", n)
	}
}

// useDatabase makes the fixture's server use another database.
func (b *fixture) useDatabase(t *testing.T, url string) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := migrated(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	b.pool, b.server.Pool = pool, pool
	if b.server, err = New(t.Context(), b.server.Options); err != nil {
		t.Fatal(err)
	}
}
