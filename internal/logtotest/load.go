package logtotest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Load reads a tenant: one JSON object, one array of rows a table. Tables and
// columns it does not know are an error, missing ones are empty or the server's
// default. The tenant's clock starts at its newest row.
func Load(r io.Reader) (*Tenant, error) {
	var all map[string][]map[string]json.RawMessage
	if err := json.NewDecoder(r).Decode(&all); err != nil {
		return nil, fmt.Errorf("read the tenant: %w", err)
	}
	t := newTenant(1)
	for name := range all {
		if t.def(name) == nil {
			return nil, fmt.Errorf("read the tenant: table %s: %w", name, ErrUnknown)
		}
	}
	t.by = bySQL
	for _, name := range loadOrder(t) {
		if err := t.loadTable(name, all[name]); err != nil {
			return nil, fmt.Errorf("read the tenant: %s: %w", name, err)
		}
	}
	t.base = t.newestTime()
	t.began, t.by = time.Now(), byAPI
	return t, nil
}

// loadOrder lists the tables so that what is referred to comes first.
func loadOrder(t *Tenant) []string {
	var order []string
	for names := t.Tables(); len(names) > 0; {
		names = slices.DeleteFunc(names, func(name string) bool {
			for _, c := range t.def(name).cols {
				if c.parent != "" && !slices.Contains(order, c.parent) {
					return false
				}
			}
			if name == orgRoleUser && !slices.Contains(order, orgUsers) {
				return false
			}
			order = append(order, name)
			return true
		})
	}
	return order
}

func (t *Tenant) loadTable(name string, rows []map[string]json.RawMessage) error {
	var users []*user
	for i, r := range rows {
		raws := make(map[string]string, len(r))
		for col, raw := range r {
			compact, err := rawOf(raw)
			if err != nil {
				return fmt.Errorf("row %d: %s: %w", i+1, col, err)
			}
			raws[col] = compact
		}
		if name != "users" { // users are many: sort them once
			if _, err := t.insert(name, raws); err != nil {
				return fmt.Errorf("row %d: %w", i+1, err)
			}
			continue
		}
		vals, err := t.complete(t.def(name), raws)
		if err != nil {
			return fmt.Errorf("row %d: %w", i+1, err)
		}
		u := &user{place: t.nextPlace()}
		u.fill(t.def(name).cols, vals)
		users = append(users, u)
	}
	if name == "users" {
		t.users = newUserSet(users)
		for i := 1; i < len(users); i++ {
			if users[i-1].id() == users[i].id() {
				return fmt.Errorf("id %s: %w", users[i].id(), ErrExists)
			}
		}
	}
	return nil
}

// newestTime is the latest created_at or updated_at of all rows.
func (t *Tenant) newestTime() time.Time {
	var at int64
	for _, u := range t.users.byID {
		at = max(at, u.created, u.updated, u.signedIn)
	}
	for _, tab := range t.tables {
		for _, r := range tab.heap {
			at = max(at, r.created)
		}
	}
	return time.UnixMicro(at).UTC()
}
