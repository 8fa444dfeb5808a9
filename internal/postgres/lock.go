package postgres

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// pollEvery is how often a condition is looked at that the system cannot be
// asked to report.
const pollEvery = 10 * time.Millisecond

// poll calls done until it reports true or an error, or ctx ends.
func poll(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// lock waits for a lock on f: syscall.LOCK_SH or syscall.LOCK_EX. It is held
// until f is closed, so also given back when the process is killed.
func lock(ctx context.Context, f *os.File, how int) error {
	return poll(ctx, func() (bool, error) { return tryLock(f, how) })
}

func tryLock(f *os.File, how int) (bool, error) {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
