package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
)

// hashedAddress is a privacy rule that changes every user.
const hashedAddress = `privacy:
  key: ${SYNCER_PRIVACY_KEY}
  tables: {users: {primary_email: hash}}
`

// measureEveryRow compares runs in which every user changes, first by a new
// privacy rule and then in the tenant, with the first load. All of them keep the
// indexes for analysts.
func measureEveryRow(ctx context.Context, h *harness) (results []result, err error) {
	users := h.scaled(1_000_000)
	command := benchSimulatorCommand("-users", strconv.Itoa(users), "-orderly")
	err = h.withTenant(ctx, command, func(s simulator, d *database) error {
		first, err := d.runEveryRowChanged(ctx, s, users)
		if err != nil {
			return err
		}
		d.privacy = hashedAddress
		rule, err := d.runEveryRowChanged(ctx, s, users)
		if err != nil {
			return err
		}
		if err := s.post(ctx, "/change", url.Values{"users": {strconv.Itoa(users)}, "what": {rename}}); err != nil {
			return err
		}
		changed, err := d.runEveryRowChanged(ctx, s, users)
		if err != nil {
			return err
		}
		ofFirst := "of the whole process, the creation of the indexes for analysts included, ÷ those of the first load of " + thousands(users) + " users"
		results = []result{
			informational("every row changes: privacy rule", "seconds "+ofFirst, rule.seconds/first.seconds, " ×", rule.sideBySide(first)),
			informational("every row changes: privacy rule, WAL", "bytes of WAL "+ofFirst, rule.wal/first.wal, " ×", ""),
			informational("every row changes: tenant", "history kept; seconds "+ofFirst, changed.seconds/first.seconds, " ×", changed.sideBySide(first)),
		}
		return nil
	})
	return results, err
}

// runEveryRowChanged runs the users and expects that every one of them is new or changed.
func (d *database) runEveryRowChanged(ctx context.Context, s simulator, users int) (cost runCost, err error) {
	r, cost, err := d.runUsersWithCost(ctx, s)
	if err != nil {
		return cost, err
	}
	if l := r.summary.Listings[0]; int(l.Inserted+l.Updated) < users {
		return cost, errors.New("a run wrote fewer rows than there are users")
	}
	cost.seconds = r.seconds // whole process
	return cost, nil
}

func (c runCost) sideBySide(other runCost) string {
	return fmt.Sprintf("%s; %s", c, other)
}

func (c runCost) String() string {
	return fmt.Sprintf("%.1f s, %.0f MB of WAL, %.1f processor seconds of Postgres", c.seconds, c.wal/1e6, c.cpu)
}
