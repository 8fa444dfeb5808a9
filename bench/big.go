package main

import (
	"context"
	"os"
	"strconv"
)

// ownSimulator is this program as a simulator.
func (l *lab) ownSimulator(ctx context.Context, args ...string) (simulated, func() error, error) {
	self, err := os.Executable()
	if err != nil {
		return simulated{}, nil, err
	}
	return l.simulate(ctx, self, append([]string{simulatorCommand}, args...)...)
}

// A bigTenant is the simulator that loading and the million both read, and what
// COPY of its rows takes. It begins with the first of them.
type bigTenant struct {
	simulated
	users int
	base  copied // zero until it was measured
	stop  func() error
}

// bigTenant returns the simulator, once it answers.
func (l *lab) bigTenant(ctx context.Context) (_ *bigTenant, err error) {
	if l.big == nil {
		b := &bigTenant{users: l.rows(1_000_000)}
		if b.simulated, b.stop, err = l.ownSimulator(ctx, "-users", strconv.Itoa(b.users), "-organizations", "100"); err != nil {
			return nil, err
		}
		l.big = b
	}
	return l.big, nil
}

// endBigTenant ends the simulator, if there is one.
func (l *lab) endBigTenant() error {
	if l.big == nil {
		return nil
	}
	b := l.big
	l.big = nil
	return b.stop()
}
