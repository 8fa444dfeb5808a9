package postgres

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// pollInterval is the pause between two checks of a condition that the system
// cannot report.
const pollInterval = 10 * time.Millisecond

// poll calls done until it reports true or an error, or ctx ends.
func poll(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(pollInterval)
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

// lockFile waits for a lock on f: syscall.LOCK_SH or syscall.LOCK_EX. It is held
// until f is closed, which the system does when the process is killed.
func lockFile(ctx context.Context, f *os.File, how int) error {
	return poll(ctx, func() (bool, error) { return tryLockFile(f, how) })
}

func tryLockFile(f *os.File, how int) (bool, error) {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
