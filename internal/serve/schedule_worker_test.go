package serve

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/config"
)

// Which runs are enqueued at which time, by a clock that the test controls.
func TestRunsAreEnqueuedWhenTheyAreDue(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		job   string
		clock []string // times of the schedule checks; the job is new at the first one
		want  []string // the due time of the run enqueued at each check; empty: none
	}{
		"the first check finds no missed run": {
			`schedule: "30 2 * * *"`, []string{"2026-11-01T12:00:00Z"}, []string{""},
		},
		"night by night": {
			`schedule: "30 2 * * *"`,
			[]string{"2026-11-01T12:00:00Z", "2026-11-02T02:30:00Z", "2026-11-02T02:30:01Z", "2026-11-03T02:30:00Z"},
			[]string{"", "2026-11-02T02:30:00Z", "", "2026-11-03T02:30:00Z"},
		},
		"a missed run is enqueued in the morning": {
			`schedule: "30 2 * * *"`, []string{"2026-11-01T12:00:00Z", "2026-11-02T08:00:00Z"}, []string{"", "2026-11-02T02:30:00Z"},
		},
		"one run is enqueued for a missed week": {
			`schedule: "30 2 * * *"`,
			[]string{"2026-11-01T12:00:00Z", "2026-11-08T08:00:00Z", "2026-11-08T08:01:00Z"},
			[]string{"", "2026-11-08T02:30:00Z", ""},
		},
		"a missed run is skipped where the job says so": {
			`schedule: "30 2 * * *", missed: skip`,
			[]string{"2026-11-01T12:00:00Z", "2026-11-02T08:00:00Z", "2026-11-03T02:30:00Z"},
			[]string{"", "", "2026-11-03T02:30:00Z"},
		},
		"a run is not missed while a leader is elected": {
			`schedule: "30 2 * * *", missed: skip`, []string{"2026-11-01T12:00:00Z", "2026-11-02T02:30:40Z"}, []string{"", "2026-11-02T02:30:00Z"},
		},
		"half past two does not exist in the night of the change to summer time": {
			`schedule: "30 2 * * *", timezone: Europe/Berlin`,
			[]string{"2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
			[]string{"", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		},
		"half past two comes twice in the night of the change to winter time": {
			`schedule: "30 2 * * *", timezone: Europe/Berlin`,
			[]string{"2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"},
			[]string{"", "2026-10-25T00:30:00Z", "", "2026-10-26T01:30:00Z"},
		},
		"a leap day, checked four years later": {
			`schedule: "0 6 29 2 *"`,
			[]string{"2028-02-01T00:00:00Z", "2028-02-29T06:00:00Z", "2032-03-01T00:00:00Z"},
			[]string{"", "2028-02-29T06:00:00Z", "2032-02-29T06:00:00Z"},
		},
		"every second, missed for a year": {
			`schedule: "@every 1s"`, []string{"2026-11-01T00:00:00Z", "2027-11-01T00:00:00Z"}, []string{"", "2027-11-01T00:00:00Z"},
		},
		"a clock set back enqueues no run twice": {
			`schedule: "@every 1h"`,
			[]string{"2026-11-01T00:30:00Z", "2026-11-01T01:00:00Z", "2026-11-01T00:59:00Z", "2026-11-01T01:01:00Z"},
			[]string{"", "2026-11-01T01:00:00Z", "", ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, `jobs: [{name: job, `+tc.job+`}]`)
			var got []string
			for _, at := range tc.clock {
				got = append(got, b.enqueuedAt(t, at))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("due (-want +got):\n%s", diff)
			}
		})
	}
}

// enqueuedAt checks the schedule as if it were that time, deletes the enqueued
// run from the queue, and returns its due time.
func (b *fixture) enqueuedAt(t *testing.T, clock string) string {
	t.Helper()
	now, err := time.Parse(time.RFC3339, clock)
	if err != nil {
		t.Fatal(err)
	}
	cfg := b.server.currentConfig.Load()
	err = pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error { return b.server.enqueueDueRuns(t.Context(), tx, cfg, cfg.Jobs[0], now) })
	if err != nil {
		t.Fatal(err)
	}
	rows, err := b.pool.Query(t.Context(), "delete from syncer_queue.river_job where kind = 'run' returning args ->> 'due'")
	if err != nil {
		t.Fatal(err)
	}
	due, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(due) > 1 {
		t.Fatalf("want one job at most, have %q, %v", due, err)
	}
	if len(due) == 0 {
		return ""
	}
	return due[0]
}

func TestTenantsOfAJobStartAtDifferentTimes(t *testing.T) {
	t.Parallel()
	startsPerSecond := map[time.Duration]int{}
	for i := range 100 {
		at := tenantJitter("tenant-"+string(rune('a'+i%26))+string(rune('a'+i/26)), time.Minute)
		if at < 0 || at >= time.Minute {
			t.Fatalf("%s is not within the jitter", at)
		}
		startsPerSecond[at.Truncate(time.Second)]++
	}
	for at, n := range startsPerSecond {
		if n > 10 {
			t.Errorf("%d of 100 tenants start in the second after %s", n, at)
		}
	}
	if at := tenantJitter("a", 0); at != 0 {
		t.Errorf("without jitter: %s", at)
	}
}

// A slow run is not enqueued a second time, however often it is requested.
func TestARunIsInTheQueueOnce(t *testing.T) {
	t.Parallel()
	b := newFixture(t, `jobs: [{name: job}, {name: other}]`)
	for _, j := range []config.Job{b.config.Jobs[0], b.config.Jobs[1], b.config.Jobs[0]} {
		if _, err := b.server.enqueueRunsNow(t.Context(), j, "acme"); err != nil {
			t.Fatal(err)
		}
	}
	var n int
	if err := b.pool.QueryRow(t.Context(), "select count(*) from syncer_queue.river_job where kind = 'run'").Scan(&n); err != nil || n != 2 {
		t.Errorf("want a job of each name, have %d, %v", n, err)
	}
}
