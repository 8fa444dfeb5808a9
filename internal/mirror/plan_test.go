package mirror_test

import (
	"math"
	"testing"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
)

// A plan is kept if the run then needs what it said, or little else.
func TestThePlanIsWhatTheRunThenNeeds(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 2500, Organizations: 130, Seed: 3, Ties: true}))
	for _, reading := range []string{"the first", "the next"} {
		plan, err := b.runner.Plan(t.Context(), b.job, logto.RateLimit{Requests: 200, Per: 10 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		compare(t, reading, plan, b.run(t))
	}
}

func compare(t *testing.T, reading string, plan mirror.Plan, run mirror.Summary) {
	t.Helper()
	if len(plan.Listings) != len(run.Listings) {
		t.Fatalf("%s: %d listings planned, %d read", reading, len(plan.Listings), len(run.Listings))
	}
	sum := 0
	for i, e := range plan.Listings {
		c := run.Listings[i]
		sum += e.Requests
		if e.Listing != c.Listing || string(e.Walk) != c.Walk {
			t.Errorf("%s: planned %s by %s, read %s by %s", reading, e.Listing, e.Walk, c.Listing, c.Walk)
		}
		if e.Total != nil && *e.Total != c.Distinct {
			t.Errorf("%s: %s planned with %d rows, read %d", reading, e.Listing, *e.Total, c.Distinct)
		}
		if e.AtLeast && c.Requests < e.Requests {
			t.Errorf("%s: %s planned with at least %d requests, took %d", reading, e.Listing, e.Requests, c.Requests)
		}
		if off := c.Requests - e.Requests; !e.AtLeast && (off > 3+c.Requests/4 || off < -3-c.Requests/4) {
			t.Errorf("%s: %s planned with %d requests, took %d", reading, e.Listing, e.Requests, c.Requests)
		}
	}
	if plan.Requests != sum || math.Abs(plan.Seconds-float64(sum)/20) > 0.051 { // in tenths
		t.Errorf("%s: %d requests in %v s planned, the listings have %d at 20 a second", reading, plan.Requests, plan.Seconds, sum)
	}
}

func TestAPlanMakesNothingAndAsksLittle(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 1000, Organizations: 20, Seed: 3}), catalog.Names()...)
	b.runner.Pool = nil
	plan, err := b.runner.Plan(t.Context(), b.job, logto.RateLimit{})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Seconds != 0 || !plan.AtLeast {
		t.Errorf("without a limit: %v s, at least %t", plan.Seconds, plan.AtLeast)
	}
	if n := b.server.RequestsMatching(""); n > 18 { // a run that begins leaves room for 20
		t.Errorf("%d requests to plan %d listings", n, len(b.job.Listings))
	}
}

func TestAPlanOfAnOlderServerSaysWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 10, Seed: 3, Version: "1.19"}), catalog.Names()...)
	b.server.SetVersion("1.19")
	plan, err := b.runner.Plan(t.Context(), b.job, logto.RateLimit{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"custom_profile_fields":  "Logto before 1.31 has no custom_profile_fields: not mirrored",
		"personal_access_tokens": "Logto before 1.20 has no personal_access_tokens: not mirrored",
	}
	for _, e := range plan.Listings {
		if e.Note != want[e.Listing] {
			t.Errorf("%s: %q, want %q", e.Listing, e.Note, want[e.Listing])
		}
	}
}
