package logtotest

import (
	"slices"
	"strings"
)

// This file answers for /api/roles.

func rowSearchFields() []string { return []string{"id", "name", "description"} }

// matchesSearch tells if a row is accepted by a search.
func (t *table) matchesSearch(r *row, s search) bool {
	return len(s.matches) == 0 || s.accepts(func(col string) (string, bool) {
		raw := t.columnJSON(r, col)
		return unquote(raw), raw != "null"
	})
}

func visibleRole(tab *table, r *row) bool {
	return !strings.HasPrefix(tab.text(r, "name"), "#internal:")
}

func (c *apiRequest) listRoles() answer {
	kind := c.q.get("type")
	if c.q.has("type") && kind != "User" && kind != "MachineToMachine" {
		if a := c.answerListing(listing{count: func() int { return 0 }, rows: func(b []byte, _, _ int) []byte { return b }}); a.status != 200 {
			return a
		}
		return badEnum("type", kind, `["User","MachineToMachine"]`)
	}
	s, err := parseSearch(c.q, rowSearchFields())
	if err != nil {
		return c.answerInvalidSearch(err)
	}
	tab := c.t.tables["roles"]
	keep := func(r *row) bool {
		return visibleRole(tab, r) && (kind == "" || tab.text(r, "type") == kind) && tab.matchesSearch(r, s) && !c.isRoleExcluded(r.id)
	}
	return c.answerListing(c.tableListing(tab, keep, c.appendRole))
}

// isRoleExcluded tells if excludeUserId or excludeApplicationId has the role.
func (c *apiRequest) isRoleExcluded(role string) bool {
	if id := c.q.get("excludeUserId"); id != "" {
		if u := c.t.users.get(id); u != nil && slices.Contains(u.roles, role) {
			return true
		}
	}
	id := c.q.get("excludeApplicationId")
	return id != "" && slices.Contains(c.t.relatedIDs("applications_roles", "application_id", id, "role_id"), role)
}

// appendRole shows a role with the counts only the list has.
func (c *apiRequest) appendRole(b []byte, r *row) []byte {
	b = c.appendOpenRow(b, c.t.tables["roles"], r, true)
	set := c.t.roleUsers[r.id]
	b = append(b, `,"usersCount":`...)
	b = append(b, encodeJSON(set.len())...)
	b = append(b, `,"featuredUsers":`...)
	var first []*user
	if set != nil {
		first = window(set.byID, 0, 3)
	}
	b = appendList(b, first, appendFeaturedUser)
	apps := c.t.tables["applications"]
	ids := c.t.relatedIDs("applications_roles", "role_id", r.id, "application_id")
	b = append(b, `,"applicationsCount":`...)
	b = append(b, encodeJSON(len(ids))...)
	b = append(b, `,"featuredApplications":`...)
	b = appendList(b, window(ids, 0, 3), func(b []byte, id string) []byte {
		app := apps.rowByID(id)
		b = idNameAppender(apps)(b, app)
		b = append(b[:len(b)-1], `,"type":`...)
		return append(append(b, apps.columnJSON(app, "type")...), '}')
	})
	return append(b, '}')
}

func appendFeaturedUser(b []byte, u *user) []byte {
	b = append(b, `{"id":`...)
	b = append(b, u.rawColumn(uID)...)
	b = append(b, `,"avatar":`...)
	b = append(b, u.rawColumn(uAvatar)...)
	b = append(b, `,"name":`...)
	return append(append(b, u.rawColumn(uName)...), '}')
}

// relatedIDs follows a relation from one side to the ids of the other.
func (t *Tenant) relatedIDs(relation, from, id, to string) []string {
	tab := t.tables[relation]
	var ids []string
	for _, r := range tab.where(from, id) {
		ids = append(ids, tab.text(r, to))
	}
	return ids
}

// answerSubList answers a sub-list of a row that has to exist: paging is checked first,
// then the parent, then the search.
func (c *apiRequest) answerSubList(table string, optional bool, search func() (listing, error)) answer {
	if _, _, _, ok := c.paging(optional); !ok {
		return c.answerListing(listing{})
	}
	if a, ok := c.requireRowExists(table); !ok {
		return a
	}
	l, err := search()
	if err != nil {
		return searchErrorAnswer(err)
	}
	l.optional = optional
	return c.answerListing(l)
}

// requireRowExists tells if the row the path names exists, and what to say if not.
func (c *apiRequest) requireRowExists(table string) (answer, bool) {
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	if c.t.tables[table].rowByID(c.args[0]) == nil {
		return noSuch(table, c.args[0]), false
	}
	return answer{}, true
}

func (c *apiRequest) roleUsers() answer {
	return c.answerSubList("roles", false, func() (listing, error) {
		s, err := parseSearch(c.q, userSearchFields())
		return c.userListing(s, func() *userSet { return c.t.roleUsers[c.args[0]] }, nil), err
	})
}

func (c *apiRequest) roleApplications() answer {
	return c.answerSubList("roles", false, func() (listing, error) {
		s, err := parseSearch(c.q, rowSearchFields())
		tab := c.t.tables["applications"]
		return foundRowsListing(func() []*row {
			ids := c.t.relatedIDs("applications_roles", "role_id", c.args[0], "application_id")
			return slices.DeleteFunc(tab.byIDs(ids), func(r *row) bool {
				return tab.text(r, "type") != "MachineToMachine" || !tab.matchesSearch(r, s)
			})
		}, c.applicationAppender("")), err
	})
}

func (c *apiRequest) roleScopes() answer {
	return c.answerSubList("roles", true, func() (listing, error) {
		s, err := parseSearch(c.q, rowSearchFields())
		tab, resources := c.t.tables["scopes"], c.t.tables["resources"]
		find := func() []*row {
			rows := tab.byIDs(c.t.relatedIDs("roles_scopes", "role_id", c.args[0], "scope_id"))
			return slices.DeleteFunc(rows, func(r *row) bool { return !tab.matchesSearch(r, s) })
		}
		return foundRowsListing(find, func(b []byte, r *row) []byte {
			b = append(c.appendOpenRow(b, tab, r, true), `,"resource":`...)
			return append(c.rowAppender(resources)(b, resources.rowByID(tab.text(r, "resource_id"))), '}')
		}), err
	})
}

// byIDs lists the rows with these ids; ids without a row are left out.
func (t *table) byIDs(ids []string) []*row {
	var rows []*row
	for _, id := range ids {
		if r := t.rowByID(id); r != nil {
			rows = append(rows, r)
		}
	}
	return rows
}

// getRow answers one row of a table by its id.
func getRow(table string) func(*apiRequest) answer {
	return func(c *apiRequest) answer {
		if a, ok := c.requireRowExists(table); !ok {
			return a
		}
		c.t.mu.RLock()
		defer c.t.mu.RUnlock()
		tab := c.t.tables[table]
		r := tab.rowByID(c.args[0])
		if r == nil {
			return noSuch(table, c.args[0])
		}
		return answer{status: 200, body: c.rowAppender(tab)(nil, c.t.withComputedStatus(tab, r))}
	}
}
