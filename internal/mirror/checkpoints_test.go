package mirror_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/logtotest"
)

// Found by the schedules: a run was broken off while a transaction was under
// way, which lost the mark of the count in it; the checkpoints of batches that came
// after it were written all the same. The next attempt counted again, after
// one of those it believed alive had died and another had come, and the sum
// was right by two mistakes.
func TestCheckpointsOfARunThatIsBrokenOffLackNoneThatCameBefore(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 30, Seed: 21}), "users")
	b.runner.PageSize = 10
	wantProved(t, b.run(t))
	ids := userIDs(b.server.Tenant)
	if err := b.server.Tenant.UpdateUser(ids[0], logtotest.Row{"name": "Changed"}); err != nil {
		t.Fatal(err)
	}
	old := logtotest.Row{"name": "Imported", "created_at": b.server.Tenant.Now().Add(-5 * 365 * 24 * time.Hour)}
	if _, err := b.server.Tenant.CreateUser(old); err != nil {
		t.Fatal(err)
	}
	b.breakOffWhileStaging(t, 20)

	if err := b.server.Tenant.DeleteUsers(ids[25]); err != nil {
		t.Fatal(err)
	}
	s := b.run(t)
	if !s.Resumed {
		t.Fatal("the run was not resumed: the test proves nothing")
	}
	wantProved(t, s)
	b.wantEqual(t)
}

// breakOffWhileStaging starts the job's run and cancels it once its first rows
// wait for a lock of the database, and so many items are through beside them.
func (b *bench) breakOffWhileStaging(t *testing.T, items int) {
	t.Helper()
	lock, err := b.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Rollback(context.WithoutCancel(t.Context())) }()
	var locking sync.Once
	b.server.OnRequest(func(_ int, r *http.Request) {
		if !strings.Contains(r.URL.RawQuery, "mode.id=exact") {
			return
		}
		locking.Do(func() {
			if _, err := lock.Exec(t.Context(), "lock table syncer.checkpoints in access exclusive mode"); err != nil {
				t.Errorf("lock the checkpoints: %v", err)
			}
		})
	})
	defer b.server.OnRequest(nil)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var once sync.Once
	through := make(chan struct{})
	b.runner.Progress = func(s extract.Progress) {
		if s.Items >= items {
			once.Do(func() { close(through) })
		}
	}
	defer func() { b.runner.Progress = nil }()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := b.runner.Run(ctx, b.job); err == nil {
			t.Error("the run was not broken off")
		}
	})
	<-through
	first := b.waiting(t, func(pids []uint32) bool { return len(pids) == 1 })
	cancel()
	// The transaction has ended, and that of the last checkpoints waits instead.
	b.waiting(t, func(pids []uint32) bool { return len(pids) == 1 && pids[0] != first[0] })
	if err := lock.Rollback(t.Context()); err != nil {
		t.Errorf("unlock the checkpoints: %v", err)
	}
	wg.Wait()
}

// waiting asks which connections to the database wait for a lock until they
// are as wanted.
func (b *bench) waiting(t *testing.T, wanted func(pids []uint32) bool) []uint32 {
	t.Helper()
	for {
		rows, err := b.pool.Query(t.Context(), "select pid::oid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
		if err != nil {
			t.Fatalf("look for locks: %v", err)
		}
		pids, err := pgx.CollectRows(rows, pgx.RowTo[uint32])
		if err != nil {
			t.Fatalf("look for locks: %v", err)
		}
		if wanted(pids) {
			return pids
		}
	}
}
