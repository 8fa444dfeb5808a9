package main

import (
	"context"
	"errors"
	"fmt"
)

// hashedAddress is a privacy rule that changes every user.
const hashedAddress = `privacy:
  key: ${SYNCER_PRIVACY_KEY}
  tables: {users: {primary_email: hash}}
`

// measureEveryRow compares runs in which every user changes, first by a new
// privacy rule and then in the tenant, with the first load. All of them keep the
// indexes for analysts.
func measureEveryRow(ctx context.Context, h *harness) ([]result, error) {
	users := h.scaled(1_000_000)
	return withSimulatorAndDatabase(ctx, h, simulatorOptions{Users: users, Orderly: true}.command(), func(s simulator, d *database) ([]result, error) {
		first, err := d.runExpectingEveryRowChanged(ctx, s, users)
		if err != nil {
			return nil, err
		}
		d.privacy = hashedAddress
		rule, err := d.runExpectingEveryRowChanged(ctx, s, users)
		if err != nil {
			return nil, err
		}
		if err := s.change(ctx, users, rename); err != nil {
			return nil, err
		}
		changed, err := d.runExpectingEveryRowChanged(ctx, s, users)
		if err != nil {
			return nil, err
		}
		ofFirst := "of the whole process, the creation of the indexes for analysts included, ÷ those of the first load of " + thousands(users) + " users"
		return []result{
			informational("every row changes: privacy rule", "seconds "+ofFirst, rule.seconds/first.seconds, " ×", fmt.Sprintf("%s; %s", rule, first)),
			informational("every row changes: privacy rule, WAL", "bytes of WAL "+ofFirst, rule.wal/first.wal, " ×", ""),
			informational("every row changes: tenant", "history kept; seconds "+ofFirst, changed.seconds/first.seconds, " ×", fmt.Sprintf("%s; %s", changed, first)),
		}, nil
	})
}

// runExpectingEveryRowChanged runs the users and expects that every one of them is new or changed.
func (d *database) runExpectingEveryRowChanged(ctx context.Context, s simulator, users int) (c postgresCost, err error) {
	r, c, err := d.runUsersWithCost(ctx, s)
	if err != nil {
		return c, err
	}
	if l := r.summary.Listings[0]; int(l.Inserted+l.Updated) < users {
		return c, errors.New("a run wrote fewer rows than there are users")
	}
	c.seconds = r.seconds // whole process
	return c, nil
}
