package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/config"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	failed, running := errors.New("anything"), tenantError{"a", state.ErrLocked}
	unproved := tenantError{"a", unprovedError{"not all", ""}}
	stopped := tenantError{"a", fmt.Errorf("read users: %w", extract.ErrStopped)}
	for name, tc := range map[string]struct {
		err  error
		want int
	}{
		"no error":                                      {nil, 0},
		"any error":                                     {failed, 1},
		"a mistake on the command line":                 {usageError{"what", ""}, 2},
		"a mistake in the configuration":                {config.Errors{{Message: "x"}}, 2},
		"something is not proved":                       {unproved, 3},
		"the guard refused":                             {tenantError{"a", &mirror.GuardError{}}, 3},
		"another run is at work":                        {running, 4},
		"stopped":                                       {stopped, 130},
		"cancelled":                                     {context.Canceled, 130},
		"reported in detail":                            {reportedError{1}, 1},
		"of two tenants the one that failed":            {errors.Join(unproved, failed), 1},
		"not proved counts more than running":           {errors.Join(running, unproved), 3},
		"an interruption counts more than all":          {errors.Join(stopped, failed), 130},
		"joined twice":                                  {errors.Join(errors.Join(running, failed), nil), 1},
		"an error that wraps two is one":                {fmt.Errorf("%w: %w", errNoConfig, failed), 2},
		"a run that could not be recorded still counts": {tenantError{"a", errors.Join(state.ErrLocked, failed)}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := exitCode(tc.err); got != tc.want {
				t.Errorf("want %d, have %d", tc.want, got)
			}
		})
	}
}

func TestEveryJoinedErrorIsToldOnItsOwn(t *testing.T) {
	t.Parallel()
	var out, errs strings.Builder
	o := newOutput(processEnvironment{stdout: &out, stderr: &errs}, true)
	code := o.fail(errors.Join(tenantError{"a", state.ErrLocked}, tenantError{"b", errors.New("broken")}))
	want := "syncer: a: another run is working on this tenant\n  hint: it ends by itself; syncer status shows it\nsyncer: b: broken\n"
	if diff := cmp.Diff(want, errs.String()); diff != "" {
		t.Errorf("stderr (-want +got):\n%s", diff)
	}
	if code != 1 || strings.Count(out.String(), `"type":"error"`) != 2 || !strings.Contains(out.String(), `"tenant":"b","error":"b: broken","exit":1`) {
		t.Errorf("exit %d and\n%s", code, out.String())
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	got := table{{"name", "rows", "remarks"}, {"übung", "1,000", "x"}, {"b", ">= 7", ""}}.String()
	want := "name    rows  remarks\nübung  1,000  x\nb       >= 7\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: want %s, have %s", n, want, got)
		}
	}
}

func TestACountAgreesWithItsNoun(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		n          int64
		noun, want string
	}{{0, "row", "0 rows"}, {1, "row", "1 row"}, {1200, "row", "1,200 rows"}, {1, "person", "1 person"}, {2, "person", "2 people"}} {
		if got := countedNoun(tc.n, tc.noun); got != tc.want {
			t.Errorf("%d: want %q, have %q", tc.n, tc.want, got)
		}
	}
}

func TestLatency(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]latencyFlag{
		"5ms":         {5 * time.Millisecond, 5 * time.Millisecond},
		"50-400ms":    {50 * time.Millisecond, 400 * time.Millisecond},
		"0.5-1s":      {500 * time.Millisecond, time.Second},
		"900us-1.5ms": {900 * time.Microsecond, 1500 * time.Microsecond},
		"0s":          {},
	} {
		var got latencyFlag
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: want %v, have %v, %v", text, want, got, err)
		}
	}
	for _, text := range []string{"", "5", "-5ms", "400-50ms", "fast", "5ms-", "5-6-7ms"} {
		if err := new(latencyFlag).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a latency", text)
		}
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]rateFlag{"5/s": 5, "0.5": 0.5, "0": 0} {
		var got rateFlag
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: want %v, have %v, %v", text, want, got, err)
		}
	}
	for _, text := range []string{"", "5/min", "-1", "1e9", "NaN"} {
		if err := new(rateFlag).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a rate", text)
		}
	}
}

func TestPsqlIsNotGivenThePassword(t *testing.T) {
	t.Parallel()
	target, password, err := splitPassword("postgres://syncer:hunter2@db.example.org:5433/logto?sslmode=require&pool_max_conns=3")
	if err != nil || password != "hunter2" || target != "postgres://syncer@db.example.org:5433/logto?sslmode=require" {
		t.Errorf("have %s, %s, %v", target, password, err)
	}
	if _, _, err := splitPassword("postgres://x:hunter2@[bad/"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("want an error without the password, have %v", err)
	}
}

func TestAges(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	cfg := &config.Config{
		Tenants: []config.Tenant{{Name: "acme"}},
		Jobs:    []config.Job{{Tenants: config.Selection{All: true}, Listings: config.Selection{Names: []string{"users", "hooks", "organizations", "applications"}}}},
	}
	at := func(listing, proof string, age time.Duration) state.Freshness {
		return state.Freshness{Tenant: "acme", Listing: listing, Proof: proof, ReadAt: now.Add(-age)}
	}
	fresh := []state.Freshness{
		at("users", "complete", time.Hour), at("organizations", "not proved", time.Hour), at("applications", "complete", 27*time.Hour),
		at("hooks", "unknown to server", time.Hour), at("resources", "failed", 100*time.Hour),
	}
	got := map[string]bool{}
	for _, l := range ageLines(cfg, fresh, now, 26*time.Hour) {
		got[l.Listing] = l.Stale
	}
	want := map[string]bool{
		"users": false, "organizations": true, "applications": true,
		"hooks":     false, // an older Logto has no such listing: nothing is stale
		"resources": false, // no job reads it any more
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stale (-want +got):\n%s", diff)
	}
	for _, l := range ageLines(cfg, nil, now, 26*time.Hour) {
		if !l.Stale || l.Age != -1 {
			t.Errorf("%s was never read and counts as fresh", l.Listing)
		}
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{0: "0 s", 59: "59 s", 60: "1 min", 3700: "1 h 1 min", 172_800: "2 days"} {
		if got := humanDurationText(seconds); got != want {
			t.Errorf("%v: want %s, have %s", seconds, want, got)
		}
	}
}
