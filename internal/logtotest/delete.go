package logtotest

import (
	"fmt"
	"slices"
)

// This file deletes, with all that cascades.

// Delete removes one row of a table with an id, with everything that cascades.
func (t *Tenant) Delete(table, id string) error { return t.deleteAs(byAPI, table, id) }

func (t *Tenant) deleteAs(by actor, table, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.setActor(by)()
	def := t.def(table)
	if def == nil || !def.keyed || !t.exists(table, id) {
		return fmt.Errorf("delete from %s %s: %w", table, id, ErrUnknown)
	}
	t.deleteAndFire(table, id)
	return nil
}

// deleteAndFire deletes rows that exist, and tells: of each, not of what cascades.
func (t *Tenant) deleteAndFire(table string, ids ...string) {
	gone := make(map[string]bool, len(ids))
	for _, id := range ids {
		gone[quote(id)] = true
		if table == "users" {
			t.fireChange("delete", table, map[string]string{"id": quote(id)})
		} else {
			t.fireRowChange("delete", table, t.tables[table].cols, t.tables[table].rowByID(id).vals)
		}
	}
	t.deleteCascading(table, gone)
}

// deleteCascading deletes rows by quoted id, and all rows that refer to them.
func (t *Tenant) deleteCascading(name string, ids map[string]bool) {
	switch name {
	case "users":
		t.dropUsers(ids)
	case "roles":
		for id := range ids {
			t.dropRoleAssignments(unquote(id))
		}
	case "organizations":
		for id := range ids {
			t.dropOrganizationMembers(unquote(id))
		}
	case "organization_roles":
		t.eachMembership(func(m *member) {
			m.roles = slices.DeleteFunc(m.roles, func(r string) bool { return ids[quote(r)] })
		})
	}
	if tab := t.tables[name]; tab != nil {
		tab.removeFunc(func(r *row) bool { return ids[quote(r.id)] })
	}
	for _, tab := range t.tables {
		for i, c := range tab.cols {
			if c.parent != name {
				continue
			}
			gone := tab.removeFunc(func(r *row) bool { return ids[r.vals[i]] })
			t.cascade(tab, gone)
		}
	}
}

// cascade follows what refers to rows that are gone.
func (t *Tenant) cascade(tab *table, gone []*row) {
	if len(gone) == 0 {
		return
	}
	if tab.name == orgApps {
		roles := t.tables["organization_role_application_relations"]
		for _, g := range gone {
			roles.removeFunc(func(r *row) bool { return r.vals[0] == g.vals[0] && r.vals[2] == g.vals[1] })
		}
	}
	if tab.keyed {
		ids := map[string]bool{}
		for _, g := range gone {
			ids[quote(g.id)] = true
		}
		t.deleteCascading(tab.name, ids)
	}
}

// Unlink removes from a table without an id every row that has all the given
// column values (strings), with what cascades. No such row is ErrUnknown.
func (t *Tenant) Unlink(table string, key Row) error { return t.unlinkAs(byAPI, table, key) }

func (t *Tenant) unlinkAs(by actor, table string, key Row) error {
	raws, err := encodeRow(key)
	if err != nil {
		return fmt.Errorf("unlink from %s: %w", table, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	defer t.setActor(by)()
	if !t.unlink(table, raws) {
		return fmt.Errorf("unlink from %s: %w", table, ErrUnknown)
	}
	return nil
}

func (t *Tenant) unlink(name string, raws map[string]string) bool {
	text := func(col string) string { return unquote(raws[col]) }
	switch name {
	case usersRoles:
		return t.revokeUserRole(text("user_id"), text("role_id"))
	case orgUsers:
		left := t.leave(text("organization_id"), text("user_id"))
		if left {
			t.fireChange("delete", name, raws)
		}
		return left
	case orgRoleUser:
		return t.revokeMemberRole(text("organization_id"), text("organization_role_id"), text("user_id"))
	}
	tab := t.tables[name]
	if tab == nil || tab.keyed {
		return false
	}
	gone := tab.removeFunc(func(r *row) bool {
		for col, raw := range raws {
			if i := tab.columnIndex(col); i < 0 || r.vals[i] != raw {
				return false
			}
		}
		return true
	})
	t.cascade(tab, gone)
	for _, g := range gone {
		t.fireRowChange("delete", name, tab.cols, g.vals)
	}
	return len(gone) > 0
}
