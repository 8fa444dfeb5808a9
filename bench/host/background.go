package host

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// RunWithBackground runs f, and beside it background, whose context ends when f has ended.
// It waits for both.
func RunWithBackground(ctx context.Context, f func() error, background func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- background(ctx) }()
	err := f()
	cancel()
	return errors.Join(err, <-ended)
}

// SampleMaximum runs f and returns the greatest of the values sampled meanwhile, one
// every interval.
func SampleMaximum[T cmp.Ordered](ctx context.Context, interval time.Duration, sample func(context.Context) (T, error), f func() error) (most T, err error) {
	err = RunWithBackground(ctx, f, func(ctx context.Context) error {
		for ctx.Err() == nil {
			value, err := sample(ctx)
			if err != nil && ctx.Err() == nil {
				return err
			}
			most = max(most, value)
			_ = Sleep(ctx, interval) // less if f ends
		}
		return nil
	})
	return most, err
}

// Sleep waits, unless ctx ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
