package serve

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// When deliveries make a run start, by a clock that the test controls.
func TestHowSoonAndHowOftenDeliveriesStartRuns(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, tc := range map[string]struct {
		deliveries []time.Duration // when they arrive
		want       []time.Duration // when runs are enqueued
	}{
		"one delivery, one run, once Logto has written its log row": {
			[]time.Duration{0}, []time.Duration{hintDelay},
		},
		"several at once, one run": {
			[]time.Duration{0, 0, 0}, []time.Duration{hintDelay},
		},
		"one that arrives just before the run is read by the next": {
			[]time.Duration{0, hintDelay - 100*ms}, []time.Duration{hintDelay, hintDelay + hintInterval},
		},
		"one after the run is read by the next": {
			[]time.Duration{0, hintDelay + 100*ms}, []time.Duration{hintDelay, hintDelay + hintInterval},
		},
		"one much later starts a run as soon as the first did": {
			[]time.Duration{0, time.Minute}, []time.Duration{hintDelay, time.Minute + hintDelay},
		},
		"ten a second for ten seconds start a run every few seconds": {
			every(100*ms, 10*time.Second),
			[]time.Duration{hintDelay, hintDelay + hintInterval, hintDelay + 2*hintInterval},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, start := newPendingHints(), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
			var got []time.Duration
			for at := time.Duration(0); at < 2*time.Minute; at += 100 * ms {
				for _, d := range tc.deliveries {
					if d == at {
						h.add("acme", start.Add(at))
					}
				}
				if due := h.nextRunDueAt(); !due.IsZero() && !due.After(start.Add(at)) {
					if tenants := h.takeDueTenants(start.Add(at)); !slices.Equal(tenants, []string{"acme"}) {
						t.Fatalf("after %s due: %q", at, tenants)
					}
					got = append(got, at)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
		})
	}
}

func every(interval, until time.Duration) (times []time.Duration) {
	for at := time.Duration(0); at < until; at += interval {
		times = append(times, at)
	}
	return times
}

func TestATenantsDeliveriesDoNotDelayAnothers(t *testing.T) {
	t.Parallel()
	h, start := newPendingHints(), time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	h.add("acme", start)
	h.add("globex", start.Add(time.Second))
	if got := h.takeDueTenants(start.Add(hintDelay)); !slices.Equal(got, []string{"acme"}) {
		t.Errorf("after the first delay: %q", got)
	}
	if got := h.takeDueTenants(start.Add(hintDelay + time.Second)); !slices.Equal(got, []string{"globex"}) {
		t.Errorf("after the second delay: %q", got)
	}
	if at := h.nextRunDueAt(); !at.IsZero() {
		t.Errorf("a run is due at %s, and there is no hint", at)
	}
}
