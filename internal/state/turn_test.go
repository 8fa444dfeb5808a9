package state_test

import (
	"testing"
	"time"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

func TestARunRestsAfterTheOneBefore(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t, migrated)
	take := func(rest time.Duration) time.Duration {
		t.Helper()
		wait, err := state.TakeTurn(t.Context(), pool, "acme", rest)
		if err != nil {
			t.Fatal(err)
		}
		return wait
	}
	if wait := take(time.Hour); wait != 0 {
		t.Errorf("the first run waits %s", wait)
	}
	if wait := take(time.Hour); wait != time.Hour {
		t.Errorf("after one that died: want a whole window, have %s", wait)
	}
	if err := state.EndTurn(t.Context(), pool, "acme"); err != nil {
		t.Fatal(err)
	}
	if wait := take(time.Hour); wait <= 50*time.Minute || wait >= time.Hour {
		t.Errorf("after one that has just ended: want a little less than a window, have %s", wait)
	}
	if err := state.EndTurn(t.Context(), pool, "acme"); err != nil {
		t.Fatal(err)
	}
	if wait := take(time.Nanosecond); wait != 0 {
		t.Errorf("after one that ended long ago: want no wait, have %s", wait)
	}
	if wait, err := state.TakeTurn(t.Context(), pool, "another", time.Hour); err != nil || wait != 0 {
		t.Errorf("another tenant waits %s, %v", wait, err)
	}
}
