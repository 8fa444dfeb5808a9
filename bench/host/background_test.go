package host_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"logto-syncer/bench/host"
)

func TestWhatRunsInTheBackgroundEndsWithWhatItRunsBeside(t *testing.T) {
	t.Parallel()
	failed, background := errors.New("failed"), errors.New("background failed")
	began, ended := make(chan struct{}), false
	err := host.RunWithBackground(t.Context(), func() error { <-began; return failed }, func(ctx context.Context) error {
		close(began)
		<-ctx.Done()
		ended = true
		return background
	})
	if !ended || !errors.Is(err, failed) || !errors.Is(err, background) {
		t.Errorf("it has ended: %v; error %v, want both", ended, err)
	}
}

func TestTheMaximumIsThatOfAllSamples(t *testing.T) {
	t.Parallel()
	values, sampled := []int{3, 9, 4}, make(chan struct{})
	next := 0
	sample := func(context.Context) (int, error) {
		if next++; next == len(values) {
			close(sampled)
		}
		return values[min(next, len(values))-1], nil
	}
	most, err := host.SampleMaximum(t.Context(), time.Microsecond, sample, func() error { <-sampled; return nil })
	if most != 9 || err != nil {
		t.Errorf("%d, %v, want 9", most, err)
	}
}

func TestPercentilesOfValuesInAnyOrder(t *testing.T) {
	t.Parallel()
	values := []int{5, 1, 4, 2, 3, 6}
	if m, p, none := host.Median(values), host.Percentile(values, 99), host.Median([]int(nil)); m != 4 || p != 6 || none != 0 || values[0] != 5 {
		t.Errorf("median %d, 99th percentile %d, of nothing %d, values now %v", m, p, none, values)
	}
}
