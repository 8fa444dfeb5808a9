package mirror_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// A syncBuffer may be written and read at once.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestARunThatWaitsForALockSaysForWhose(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 50, Seed: 91}), "users")
	var log syncBuffer
	b.runner.Log = slog.New(slog.NewTextHandler(&log, nil))
	holder, err := b.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Release()
	for _, sql := range []string{"set application_name = 'a notebook'", "begin", "lock table logto.users in share mode"} {
		if _, err := holder.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var s mirror.Summary
	var runErr error
	var wg sync.WaitGroup
	wg.Go(func() { s, runErr = b.runner.Run(t.Context(), b.job) })
	who := fmt.Sprintf("process %d (postgres, a notebook), in a transaction since ", holder.Conn().PgConn().PID())
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		runs, err := state.RecentRuns(t.Context(), b.pool, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(runs) == 1 && runs[0].Waiting != "" {
			if want := "waiting for a lock of " + who; !strings.HasPrefix(runs[0].Waiting, want) || runs[0].WaitingSince == nil {
				t.Errorf("status says %q since %v, want %q", runs[0].Waiting, runs[0].WaitingSince, want)
			}
			break
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the run's status never said that it waits")
		}
	}
	if _, err := holder.Exec(t.Context(), "rollback"); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if runErr != nil {
		t.Fatal(runErr)
	}
	wantProved(t, s)
	if n := strings.Count(log.String(), `msg="waiting for a lock"`); n != 1 || !strings.Contains(log.String(), who) {
		t.Errorf("%d log lines about the wait, want 1 that says %q:\n%s", n, who, log.String())
	}
	if runs, err := state.RecentRuns(t.Context(), b.pool, 1); err != nil || runs[0].Waiting != "" {
		t.Errorf("published, the run is waiting for %q, %v", runs[0].Waiting, err)
	}
}
