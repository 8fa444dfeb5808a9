package serve

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// create index concurrently waits for every open transaction, and with many
// workers there always are some.
func TestARunEndsBeforeTheIndexesAreCreated(t *testing.T) {
	t.Parallel()
	b := newFixture(t, `jobs: [{name: job}]`)
	tx, err := b.pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	b.start(t)
	events := b.subscribe(t)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }) // before the server stops, which waits for its jobs
	if _, err := tx.Exec(t.Context(), "select count(*) from logto.users"); err != nil {
		t.Fatal(err)
	}
	b.runOnce(t, events)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	events.await(t, "create_indexes")
	if n := b.count(t, "select count(*) from pg_indexes where indexname = 'users_profile'"); n != 1 {
		t.Error("the indexes for analysts are missing")
	}
}
