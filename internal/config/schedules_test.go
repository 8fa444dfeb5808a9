package config_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/config"
)

func TestSchedulesFollowTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		schedule, zone string
		from           string // what follows is after it
		want           []string
	}{
		"the night without a half past two: when the clock is put forward": {
			"30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z",
			[]string{"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		},
		"the night with two of them: once, at the first": {
			"30 2 * * *", "Europe/Berlin", "2026-10-23T12:00:00Z",
			[]string{"2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		},
		"asked between the two: not again": {
			"30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", []string{"2026-10-26T01:30:00Z"},
		},
		"west of Greenwich": {
			"30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z",
			[]string{"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"},
		},
		"where midnight is what is missing": {
			"0 0 * * *", "America/Santiago", "2026-09-05T00:00:00Z",
			[]string{"2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"},
		},
		"every hour goes by hours that pass, over a clock put forward": {
			"15 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
			[]string{"2026-03-29T00:15:00Z", "2026-03-29T01:15:00Z", "2026-03-29T02:15:00Z"},
		},
		"and over one put back": {
			"15 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z",
			[]string{"2026-10-25T00:15:00Z", "2026-10-25T01:15:00Z", "2026-10-25T02:15:00Z"},
		},
		"several times an hour that comes twice: in the first": {
			"0,30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:00:00Z"},
		},
		"a leap day": {
			"0 6 29 2 *", "UTC", "2026-11-01T00:00:00Z", []string{"2028-02-29T06:00:00Z", "2032-02-29T06:00:00Z"},
		},
		"the last day of February, then the first of March": {
			"0 6 28,29 2 *", "UTC", "2028-02-27T12:00:00Z",
			[]string{"2028-02-28T06:00:00Z", "2028-02-29T06:00:00Z", "2029-02-28T06:00:00Z"},
		},
		"every six hours: the same ones whoever counts": {
			"@every 6h", "UTC", "2026-11-01T05:59:59Z", []string{"2026-11-01T06:00:00Z", "2026-11-01T12:00:00Z"},
		},
		"daily at a place": {
			"@daily", "Asia/Tokyo", "2026-11-01T00:00:00Z", []string{"2026-11-01T15:00:00Z", "2026-11-02T15:00:00Z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cron := scheduled(t, tc.schedule, tc.zone)
			at, err := time.Parse(time.RFC3339, tc.from)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for range tc.want {
				at = cron.Next(at)
				got = append(got, at.UTC().Format(time.RFC3339))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("times (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the schedule and the moment, what comes next is later, and nothing
// lies between: asked a second before it, it is still next.
func TestWhatComesNextIsLater(t *testing.T) {
	t.Parallel()
	for _, schedule := range []string{"30 2 * * *", "*/20 1-3 * * *", "0 * * * *", "15 2 * * 0", "@every 90s"} {
		for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"} {
			cron := scheduled(t, schedule, zone)
			for at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() == 2026; at = at.Add(47 * time.Minute) {
				next := cron.Next(at)
				if !next.After(at) {
					t.Fatalf("%s in %s: after %s comes %s", schedule, zone, at, next.UTC())
				}
				if again := cron.Next(next.Add(-time.Second)); next.Sub(at) > time.Second && !again.Equal(next) {
					t.Fatalf("%s in %s: after %s comes %s, a second before it %s", schedule, zone, at, next.UTC(), again.UTC())
				}
			}
		}
	}
}

func scheduled(t *testing.T, schedule, zone string) interface{ Next(time.Time) time.Time } {
	t.Helper()
	text := fmt.Sprintf(`{tenants: [{name: a, endpoint: https://a.logto.app, app_id: a, app_secret: b}],
		jobs: [{name: a, schedule: %q, timezone: %q}]}`, schedule, zone)
	c, err := config.Parse("jobs.yaml", []byte(text), environment, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Jobs[0].Cron
}
