package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
)

// acme is the big tenant's name, as one of the questions knows it.
const acme = "acme"

// A bigTenant is what loading, the million and the questions share: a
// simulator, what COPY of its users takes, and a database that mirrors it.
type bigTenant struct {
	simulated
	users, organizations int
	stop                 func() error
	base                 copied    // zero until it was measured
	kept                 *database // nil until it was read to be kept
	letIndexes           func()    // be made in the kept one
}

// ownSimulator is this program as a simulator.
func (l *lab) ownSimulator(ctx context.Context, args ...string) (simulated, func() error, error) {
	self, err := os.Executable()
	if err != nil {
		return simulated{}, nil, err
	}
	return l.simulate(ctx, self, append([]string{simulatorCommand}, args...)...)
}

// bigTenant returns the one there is. It begins with the first part that asks.
func (l *lab) bigTenant(ctx context.Context) (_ *bigTenant, err error) {
	if l.big == nil {
		b := &bigTenant{users: l.rows(1_000_000), organizations: l.rows(50_000)}
		b.simulated, b.stop, err = l.ownSimulator(ctx, "-users", strconv.Itoa(b.users), "-organizations", strconv.Itoa(b.organizations), "-orderly", "-people")
		if err != nil {
			return nil, err
		}
		l.big = b
	}
	return l.big, nil
}

// keep reads the users for the first time, into the database that is kept. The
// indexes for analysts are not made there until letIndexes is called.
func (b *bigTenant) keep(ctx context.Context, l *lab) (*effort, error) {
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	b.kept = d
	if b.letIndexes, err = d.keepIndexesAway(ctx); err != nil {
		return nil, err
	}
	return d.syncer(ctx, b.simulated, acme, "none", "run", "users")
}

// mirrored returns the big tenant, read for the first time.
func (l *lab) mirrored(ctx context.Context) (*bigTenant, error) {
	b, err := l.bigTenant(ctx)
	if err == nil && b.kept == nil {
		_, err = b.keep(ctx, l)
	}
	return b, err
}

// size is how big it is, for the table.
func (b *bigTenant) size() string {
	return thousands(b.users) + " users, " + thousands(b.organizations) + " organizations"
}

// end ends the simulator and drops the database that was kept.
func (b *bigTenant) end(ctx context.Context) error {
	if b == nil {
		return nil
	}
	var err error
	if b.letIndexes != nil {
		b.letIndexes()
	}
	if b.kept != nil {
		err = b.kept.drop(ctx)
	}
	if err = errors.Join(err, b.stop()); err != nil {
		return fmt.Errorf("end the big tenant: %w", err)
	}
	return nil
}
