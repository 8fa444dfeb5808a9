package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// acme is the large tenant's name, which one of the questions names.
const acme = "acme"

// A largeTenant is shared by several measurements: a simulator, what COPY of its
// users costs, and its mirror.
type largeTenant struct {
	simulator
	users, organizations int
	stop                 func() error
	copyCost             loadCost  // zero until it is measured
	mirror               *database // nil until the first read
	allowIndexes         func()    // lets runs create the indexes for analysts in the mirror
}

// largeTenant starts the large tenant at the first call.
func (h *harness) largeTenant(ctx context.Context) (_ *largeTenant, err error) {
	if h.large == nil {
		t := &largeTenant{users: h.scaled(1_000_000), organizations: h.scaled(50_000)}
		command := benchSimulatorCommand("-users", strconv.Itoa(t.users), "-organizations", strconv.Itoa(t.organizations), "-orderly", "-people")
		if t.simulator, t.stop, err = command.start(ctx); err != nil {
			return nil, err
		}
		h.large = t
	}
	return h.large, nil
}

// readIntoMirror reads the users for the first time, into the mirror.
func (t *largeTenant) readIntoMirror(ctx context.Context, h *harness) (*processResult, error) {
	d, err := h.createDatabase(ctx)
	if err != nil {
		return nil, err
	}
	t.mirror = d
	if t.allowIndexes, err = d.blockIndexCreation(ctx); err != nil {
		return nil, err
	}
	return d.syncer(ctx, t.simulator, acme, "none", "run", "users")
}

// mirroredLargeTenant returns the large tenant with its mirror.
func (h *harness) mirroredLargeTenant(ctx context.Context) (*largeTenant, error) {
	t, err := h.largeTenant(ctx)
	if err == nil && t.mirror == nil {
		_, err = t.readIntoMirror(ctx, h)
	}
	return t, err
}

// sizeText is the tenant's size, for the table.
func (t *largeTenant) sizeText() string {
	return thousands(t.users) + " users, " + thousands(t.organizations) + " organizations"
}

// close stops the simulator and drops the mirror.
func (t *largeTenant) close() error {
	if t == nil {
		return nil
	}
	if t.allowIndexes != nil {
		t.allowIndexes()
	}
	var err error
	if t.mirror != nil {
		err = t.mirror.drop()
	}
	if err = errors.Join(err, t.stop()); err != nil {
		return fmt.Errorf("close the large tenant: %w", err)
	}
	return nil
}
