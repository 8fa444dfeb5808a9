package serve

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// To make an index concurrently waits for every transaction there is, and with
// many workers there always are some.
func TestARunIsOverBeforeTheIndexesAreMade(t *testing.T) {
	t.Parallel()
	b := newFixture(t, `jobs: [{name: job}]`)
	tx, err := b.pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	b.start(t)
	ends := b.subscribe(t)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }) // before the server ends, which waits for what it is at
	if _, err := tx.Exec(t.Context(), "select count(*) from logto.users"); err != nil {
		t.Fatal(err)
	}
	b.runOnce(t, ends)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	ends.await(t, "index")
	if n := b.count(t, "select count(*) from pg_indexes where indexname = 'users_profile'"); n != 1 {
		t.Error("there is no index for analysts")
	}
}
