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

// A largeTenant is what loading, the million and the questions share: a
// simulator, what COPY of its users takes, and a database that mirrors it.
type largeTenant struct {
	simulatorInfo
	users, organizations int
	stop                 func() error
	copyBaseline         loadCost  // zero until it was measured
	mirror               *database // nil until it was read to be kept
	allowIndexes         func()    // be made in the kept one
}

// startBuiltinSimulator is this program as a simulator.
func (l *harness) startBuiltinSimulator(ctx context.Context, args ...string) (simulatorInfo, func() error, error) {
	self, err := os.Executable()
	if err != nil {
		return simulatorInfo{}, nil, err
	}
	return l.startSimulator(ctx, self, append([]string{simulatorCommand}, args...)...)
}

// largeTenant returns the one there is. It begins with the first part that asks.
func (l *harness) largeTenant(ctx context.Context) (_ *largeTenant, err error) {
	if l.large == nil {
		b := &largeTenant{users: l.scaled(1_000_000), organizations: l.scaled(50_000)}
		b.simulatorInfo, b.stop, err = l.startBuiltinSimulator(ctx, "-users", strconv.Itoa(b.users), "-organizations", strconv.Itoa(b.organizations), "-orderly", "-people")
		if err != nil {
			return nil, err
		}
		l.large = b
	}
	return l.large, nil
}

// readIntoMirror reads the users for the first time, into the database that is kept. The
// indexes for analysts are not made there until letIndexes is called.
func (b *largeTenant) readIntoMirror(ctx context.Context, l *harness) (*processResult, error) {
	d, err := l.database(ctx)
	if err != nil {
		return nil, err
	}
	b.mirror = d
	if b.allowIndexes, err = d.blockIndexes(ctx); err != nil {
		return nil, err
	}
	return d.syncer(ctx, b.simulatorInfo, acme, "none", "run", "users")
}

// mirroredLargeTenant returns the big tenant, read for the first time.
func (l *harness) mirroredLargeTenant(ctx context.Context) (*largeTenant, error) {
	b, err := l.largeTenant(ctx)
	if err == nil && b.mirror == nil {
		_, err = b.readIntoMirror(ctx, l)
	}
	return b, err
}

// size is how big it is, for the table.
func (b *largeTenant) size() string {
	return thousands(b.users) + " users, " + thousands(b.organizations) + " organizations"
}

// close ends the simulator and drops the database that was kept.
func (b *largeTenant) close(ctx context.Context) error {
	if b == nil {
		return nil
	}
	var err error
	if b.allowIndexes != nil {
		b.allowIndexes()
	}
	if b.mirror != nil {
		err = b.mirror.drop(ctx)
	}
	if err = errors.Join(err, b.stop()); err != nil {
		return fmt.Errorf("end the big tenant: %w", err)
	}
	return nil
}
