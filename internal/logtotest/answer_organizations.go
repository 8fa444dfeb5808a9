package logtotest

import (
	"cmp"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
)

// This file answers for /api/organizations and its sub-lists.

// keywordFilter is the condition of q: ilike %q% on any of the columns; nil for no q.
func (c *apiRequest) keywordFilter(tab *table, cols ...string) func(*row) bool {
	q := c.q.get("q")
	if q == "" {
		return nil
	}
	test := like("%"+q+"%", false)
	return func(r *row) bool {
		return slices.ContainsFunc(cols, func(col string) bool {
			raw := tab.columnJSON(r, col)
			return raw != "null" && test(unquote(raw))
		})
	}
}

func (c *apiRequest) listOrganizations() answer {
	tab := c.t.tables["organizations"]
	show := c.rowAppender(tab)
	if c.q.isTrue("showFeatured") {
		show = func(b []byte, r *row) []byte {
			members := c.t.members[r.id]
			b = append(c.appendOpenRow(b, tab, r, true), `,"usersCount":`...)
			b = append(b, encodeJSON(len(members))...)
			b = append(b, `,"featuredUsers":`...)
			b = appendList(b, window(members, 0, 3), func(b []byte, m *member) []byte { return appendFeaturedUser(b, m.user) })
			return append(b, '}')
		}
	}
	return c.answerListing(c.tableListing(tab, c.keywordFilter(tab, "id", "name"), show))
}

// organizationUsers is ordered by user id, which is unique, or in older versions
// as the join finds it.
func (c *apiRequest) organizationUsers() answer {
	q, role := c.q.get("q"), c.q.get("organizationRoleId")
	find := func(offset, limit int) []*member {
		all := c.t.members[c.args[0]]
		if q != "" || role != "" {
			test := like("%"+q+"%", false)
			all = slices.DeleteFunc(slices.Clone(all), func(m *member) bool {
				if role != "" && !slices.Contains(m.roles, role) {
					return true
				}
				return q != "" && !slices.ContainsFunc(userSearchFields(), func(col string) bool {
					text, ok := m.user.columnText(col)
					return ok && test(text)
				})
			})
		}
		if !c.edition.does(orderedMembers) {
			all = c.inHashOrder(all)
		}
		return window(all, offset, limit)
	}
	return c.answerListing(listing{
		count: func() int { return len(find(0, 1<<40)) },
		rows: func(b []byte, offset, limit int) []byte {
			for _, m := range find(offset, limit) {
				b = append(c.t.appendOrgRolesAndClose(c.appendOpenUserInfo(b, m.user), m.roles), ',')
			}
			return b
		},
	})
}

// inHashOrder puts members in the order of a hash table: the same for every page, until
// somebody writes.
func (c *apiRequest) inHashOrder(members []*member) []*member {
	salt := c.tieSalt(c.t.writes)
	if salt == 0 {
		return members
	}
	key := func(m *member) uint64 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(m.user.id())) // never fails
		return mixSeed(salt, h.Sum64())
	}
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b *member) int { return cmp.Compare(key(a), key(b)) })
	return members
}

func (c *apiRequest) organizationApplications() answer {
	apps := c.t.tables["applications"]
	keep := c.keywordFilter(apps, "id", "name", "description")
	role := c.q.get("organizationRoleId")
	find := func() []*row {
		rows := apps.byIDs(c.t.relatedIDs("organization_application_relations", "organization_id", c.args[0], "application_id"))
		return slices.DeleteFunc(rows, func(r *row) bool {
			return keep != nil && !keep(r) || role != "" && !slices.Contains(c.t.applicationOrgRoles(c.args[0], r.id), role)
		})
	}
	return c.answerListing(foundRowsListing(find, func(b []byte, r *row) []byte {
		return c.t.appendOrgRolesAndClose(c.appendOpenApplication(b, apps, r), c.t.applicationOrgRoles(c.args[0], r.id))
	}))
}

// applicationOrgRoles lists the organization roles of an application.
func (t *Tenant) applicationOrgRoles(org, app string) []string {
	tab := t.tables["organization_role_application_relations"]
	var ids []string
	for _, r := range tab.where("application_id", app) {
		if tab.text(r, "organization_id") == org {
			ids = append(ids, tab.text(r, "organization_role_id"))
		}
	}
	return ids
}

func (c *apiRequest) jitDomains() answer {
	tab := c.t.tables["organization_jit_email_domains"]
	l := foundRowsListing(func() []*row { return tab.where("organization_id", c.args[0]) }, c.rowAppender(tab))
	l.optional = true
	return c.answerListing(l)
}

// listJIT lists what just-in-time provisioning refers to.
func listJIT(relation, col, table string) func(*apiRequest) answer {
	return func(c *apiRequest) answer {
		return c.answerSubList("organizations", true, func() (listing, error) {
			tab := c.t.tables[table]
			show := c.rowAppender(tab)
			return foundRowsListing(func() []*row {
				return tab.byIDs(c.t.relatedIDs(relation, "organization_id", c.args[0], col))
			}, show), nil
		})
	}
}

// memberRoles lists the organization roles of one member or application.
func (c *apiRequest) memberRoles() answer {
	c.t.mu.RLock()
	m := c.t.membership(c.args[0], c.args[1])
	c.t.mu.RUnlock()
	if _, _, _, ok := c.paging(true); ok && m == nil {
		return failure(http.StatusUnprocessableEntity, "organization.require_membership", "The user must be a member of the organization to proceed.")
	}
	tab := c.t.tables["organization_roles"]
	l := foundRowsListing(func() []*row {
		if m := c.t.membership(c.args[0], c.args[1]); m != nil {
			return tab.byIDs(m.roles)
		}
		return nil
	}, c.rowAppender(tab))
	l.optional = true
	return c.answerListing(l)
}

func (c *apiRequest) applicationMemberRoles() answer {
	c.t.mu.RLock()
	in := slices.Contains(c.t.relatedIDs("organization_application_relations", "organization_id", c.args[0], "application_id"), c.args[1])
	c.t.mu.RUnlock()
	if _, _, _, ok := c.paging(true); ok && !in {
		return failure(http.StatusUnprocessableEntity, "organization.require_membership", "The user must be a member of the organization to proceed.")
	}
	tab := c.t.tables["organization_roles"]
	l := foundRowsListing(func() []*row { return tab.byIDs(c.t.applicationOrgRoles(c.args[0], c.args[1])) }, c.rowAppender(tab))
	l.optional = true
	return c.answerListing(l)
}

// sortedByName sorts rows by name.
func sortedByName(tab *table, rows []*row) []*row {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b *row) int { return strings.Compare(tab.text(a, "name"), tab.text(b, "name")) })
	return rows
}
