package main

import (
	"context"
	"errors"
	"fmt"
)

// acme is the large tenant's name, which one of the questions names.
const acme = "acme"

// A largeTenant is shared by several measurements: a simulator, what COPY of its
// users costs, and its mirror.
type largeTenant struct {
	simulator
	users, organizations int
	stop                 func() error
	copyCost             postgresCost // zero until it is measured
	mirror               *database    // nil until the first read; without the indexes for analysts
}

// largeTenant starts the large tenant at the first call.
func (h *harness) largeTenant(ctx context.Context) (_ *largeTenant, err error) {
	if h.large == nil {
		t := &largeTenant{users: h.scaled(1_000_000), organizations: h.scaled(50_000)}
		options := simulatorOptions{Users: t.users, Organizations: t.organizations, Orderly: true, People: true}
		if t.simulator, t.stop, err = options.command().start(ctx); err != nil {
			return nil, err
		}
		h.large = t
	}
	return h.large, nil
}

// createLargeMirror reads the users of the large tenant for the first time, into its mirror.
func (h *harness) createLargeMirror(ctx context.Context, s simulator) (r *processResult, err error) {
	if h.large.mirror, err = h.createDatabase(ctx); err != nil {
		return nil, err
	}
	if err := h.large.mirror.blockIndexCreation(ctx); err != nil {
		return nil, err
	}
	return h.large.mirror.run(ctx, s, acme, "users")
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
	var err error
	if t.mirror != nil {
		err = t.mirror.drop()
	}
	if err = errors.Join(err, t.stop()); err != nil {
		return fmt.Errorf("close the large tenant: %w", err)
	}
	return nil
}
