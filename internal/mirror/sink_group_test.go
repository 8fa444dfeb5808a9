package mirror

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := state.Migrate(ctx, pool)
	return err
}

// staging is the sink of an attempt whose transactions wait for a lock of the
// test, between hold and release, once they have a mark to write.
type staging struct {
	*sink
	pool *pgxpool.Pool
	lock pgx.Tx
}

// offline is a Runner for a tenant that is sent no request.
func offline(t *testing.T, pool *pgxpool.Pool) *Runner {
	t.Helper()
	client, err := logto.New(logto.Config{Endpoint: "https://logto.invalid", Resource: "x", AppID: "x", AppSecret: "x"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &Runner{Pool: pool, Client: client, Log: slog.New(slog.DiscardHandler)}
}

func openStaging(t *testing.T) *staging {
	t.Helper()
	pool := pgtest.NewPool(t, migrate)
	a, err := offline(t, pool).begin(t.Context(), Job{Tenant: "acme", Listings: catalog.Select([]string{"users"})})
	if err != nil {
		t.Fatal(err)
	}
	return &staging{sink: a.sink, pool: pool}
}

func (s *staging) hold(t *testing.T) {
	t.Helper()
	var err error
	if s.lock, err = s.pool.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.lock.Rollback(context.WithoutCancel(t.Context())) }) // if the test fails before it releases it
	if _, err := s.lock.Exec(t.Context(), "lock table syncer.checkpoints in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
}

func (s *staging) release(t *testing.T) {
	t.Helper()
	if err := s.lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// held returns how many transactions wait for the lock.
func (s *staging) held(t *testing.T) (n int) {
	t.Helper()
	const sql = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
	if err := s.pool.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// until waits until so many transactions do.
func (s *staging) until(t *testing.T, held int) {
	t.Helper()
	for s.held(t) != held {
		if err := t.Context().Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func user(id string) extract.Chunk {
	return extract.Chunk{
		Listing: catalog.Find("users"), Checkpoint: extract.Checkpoint{Name: id},
		Items: []extract.Item{{ID: id, Value: jsontext.Value(`{"id":"` + id + `"}`)}},
	}
}

// Found by the schedules: one list ended while it was writing a group, as its
// role was deleted, and the run failed with what other lists had in the group.
func TestAListThatEndsDoesNotTakeOthersAlong(t *testing.T) {
	t.Parallel()
	s := openStaging(t)
	batch, err := s.encodeChanges(t.Context(), new(user("other")))
	if err != nil {
		t.Fatal(err)
	}
	other := &queuedChunk{listing: "users", batch: batch, checkpoint: extract.Checkpoint{Name: "other"}, done: make(chan error, 1)}
	s.waiting = append(s.waiting, other)

	s.hold(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Put(ctx, user("own")) })
	s.until(t, 1)
	cancel()
	s.release(t)
	wg.Wait()
	if err := <-other.done; err != nil {
		t.Errorf("the part of another list: %v", err)
	}
}

func TestGroupsAreWrittenBesideEachOther(t *testing.T) {
	t.Parallel()
	s := openStaging(t)
	s.hold(t)
	var wg sync.WaitGroup
	for n, id := range []string{"one", "two"} {
		wg.Go(func() {
			if err := s.Put(t.Context(), user(id)); err != nil {
				t.Error(err)
			}
		})
		s.until(t, n+1) // or both may be in one group
	}
	s.release(t)
	wg.Wait()
}

// A walk relies on what it has marked first, also when all that was under way
// is lost.
func TestDelayedCheckpointsAreWrittenAlone(t *testing.T) {
	t.Parallel()
	s := openStaging(t)
	s.hold(t)
	var wg sync.WaitGroup
	put := func(id string) {
		wg.Go(func() {
			if err := s.Put(t.Context(), user(id)); err != nil {
				t.Error(err)
			}
		})
	}
	put("before")
	s.until(t, 1)
	s.deferRowlessCheckpoint("users", extract.Checkpoint{Name: "kept back"})
	put("together with it")
	for kept := true; kept; {
		s.mu.Lock()
		kept = len(s.pendingCheckpoints) > 0
		s.mu.Unlock()
	}
	for range 200 { // one that goes on is there within a few
		if n := s.held(t); n != 1 {
			t.Fatalf("%d transactions at once; one with checkpoints kept back is to wait for those before it", n)
		}
	}
	s.release(t)
	wg.Wait()

	s.hold(t)
	s.deferRowlessCheckpoint("users", extract.Checkpoint{Name: "kept back, too"})
	put("together with that")
	s.until(t, 1)
	select {
	case <-s.groupToken:
		t.Error("others go on while checkpoints kept back are being written")
		s.groupToken <- struct{}{}
	default:
	}
	s.release(t)
	wg.Wait()
}
