package logtotest

import (
	"fmt"
	"slices"
)

// This file writes users and their relations. Every function here needs the
// tenant's write lock.

// userTextColumnPosition maps a column of users to its place in the blob, -1 for another.
func userTextColumnPosition(name string) int {
	return slices.Index([]string{
		"id", "username", "primary_email", "primary_phone", "name", "avatar", "custom_data", "identities", "profile",
		"application_id", "cimd_client_id", "logto_config", "mfa_verifications",
	}, name)
}

// values are the raw columns of a user.
func (u *user) values(cols []column) []string {
	vals := make([]string, len(cols))
	for i, c := range cols {
		switch c.name {
		case "created_at":
			vals[i] = quoteTime(u.created)
		case "updated_at":
			vals[i] = quoteTime(u.updated)
		case "last_sign_in_at":
			vals[i] = quoteTime(u.signedIn)
		case "password_updated_at":
			vals[i] = quoteTime(u.password)
		case "is_suspended":
			vals[i] = string(appendBool(nil, u.suspended))
		case "is_password_expired":
			vals[i] = string(appendBool(nil, u.expired))
		default:
			vals[i] = u.rawColumn(userTextColumnPosition(c.name))
		}
	}
	return vals
}

// fill sets a user from raw columns.
func (u *user) fill(cols []column, vals []string) {
	var texts [uTexts]string
	for i, c := range cols {
		switch c.name {
		case "created_at":
			u.created = parseMicros(vals[i])
		case "updated_at":
			u.updated = parseMicros(vals[i])
		case "last_sign_in_at":
			u.signedIn = parseMicros(vals[i])
		case "password_updated_at":
			u.password = parseMicros(vals[i])
		case "is_suspended":
			u.suspended = vals[i] == "true"
		case "is_password_expired":
			u.expired = vals[i] == "true"
		default:
			texts[userTextColumnPosition(c.name)] = vals[i]
		}
	}
	u.setTexts(&texts)
}

// nextPlace is the next place at the end of the heap of users.
func (t *Tenant) nextPlace() uint64 {
	t.end++
	return t.end
}

func (t *Tenant) insertUserRow(def *table, vals []string) error {
	u := &user{place: t.nextPlace()}
	u.fill(def.cols, vals)
	if t.users.get(u.id()) != nil {
		return fmt.Errorf("id %s: %w", u.id(), ErrExists)
	}
	t.users.add(u)
	t.writes++
	return nil
}

func (t *Tenant) updateUserRow(def *table, id string, raws map[string]string) error {
	u := t.users.get(id)
	if u == nil {
		return ErrUnknown
	}
	t.writes++
	u.place = t.nextPlace()
	vals := u.values(def.cols)
	if _, set := raws["updated_at"]; !set {
		vals[def.columnIndex("updated_at")] = quoteTime(t.Now().UnixMicro())
	}
	for col, raw := range raws {
		vals[def.columnIndex(col)] = raw
	}
	sets := []*userSet{t.users}
	for _, role := range u.roles {
		sets = append(sets, t.roleUsers[role])
	}
	if raw, moves := raws["created_at"]; !moves || parseMicros(raw) == u.created {
		sets = nil
	}
	for _, s := range sets {
		s.drop(u)
	}
	u.fill(def.cols, vals)
	for _, s := range sets {
		s.add(u)
	}
	return nil
}

// DeleteUsers removes many users at once, each with its event: a reader sees all of
// them or none. Unknown ids are ErrUnknown, and nothing is deleted then.
func (t *Tenant) DeleteUsers(ids ...string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range ids {
		if t.users.get(id) == nil {
			return fmt.Errorf("delete users: %s: %w", id, ErrUnknown)
		}
	}
	t.deleteAndFire("users", ids...)
	return nil
}

func (t *Tenant) dropUsers(ids map[string]bool) {
	t.writes++
	gone := make(map[*user]bool, len(ids))
	roles := map[string]bool{}
	for id := range ids {
		u := t.users.get(unquote(id))
		gone[u] = true
		for _, role := range u.roles {
			roles[role] = true
		}
		for len(u.orgs) > 0 {
			t.leave(u.orgs[0].org, u.id())
		}
	}
	sets := []*userSet{t.users}
	for role := range roles {
		sets = append(sets, t.roleUsers[role])
	}
	for _, s := range sets {
		if len(gone) > 4 {
			s.dropMany(gone)
			continue
		}
		for u := range gone {
			s.drop(u)
		}
	}
}
