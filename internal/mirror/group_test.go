package mirror

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := state.Migrate(ctx, pool)
	return err
}

// Found by the schedules: one list ended while it was writing a group, as its
// role was deleted, and the run failed with what other lists had in the group.
func TestAListThatEndsDoesNotTakeOthersAlong(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, migrate)
	r := &Runner{Pool: pool, Log: slog.New(slog.DiscardHandler)}
	a, err := r.begin(t.Context(), Job{Tenant: "acme", Listings: catalog.Select([]string{"users"})})
	if err != nil {
		t.Fatal(err)
	}
	users := func(id string) extract.Part {
		return extract.Part{
			Listing: catalog.Find("users"), Mark: extract.Mark{Name: id},
			Items: []extract.Item{{ID: id, Value: jsontext.Value(`{"id":"` + id + `"}`)}},
		}
	}
	batch, err := a.sink.encode(t.Context(), users("other"))
	if err != nil {
		t.Fatal(err)
	}
	other := &entry{"users", batch, extract.Mark{Name: "other"}, make(chan error, 1)}
	a.sink.waiting = append(a.sink.waiting, other)

	lock, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), "lock table syncer.checkpoints in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { _ = a.sink.Put(ctx, users("own")) })
	for waiting := 0; waiting == 0; {
		const sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
		if err := pool.QueryRow(t.Context(), sql).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := <-other.done; err != nil {
		t.Errorf("the part of another list: %v", err)
	}
}
