package logtotest

import "slices"

// This file answers for the organization template and for invitations.

func (c *apiRequest) listOrganizationRoles() answer {
	tab := c.t.tables["organization_roles"]
	keep := c.keywordFilter(tab, "id", "name", "description")
	return c.answerListing(foundRowsListing(func() []*row {
		return slices.DeleteFunc(sortedByName(tab, tab.heap), func(r *row) bool { return keep != nil && !keep(r) })
	}, c.appendOrganizationRole))
}

// appendOrganizationRole shows a role with the scopes it carries.
func (c *apiRequest) appendOrganizationRole(b []byte, r *row) []byte {
	tab, own := c.t.tables["organization_roles"], c.t.tables["organization_scopes"]
	scopes, resources := c.t.tables["scopes"], c.t.tables["resources"]
	b = append(c.appendOpenRow(b, tab, r, true), `,"scopes":`...)
	b = appendList(b, c.organizationRoleScopeRows(r.id), idNameAppender(own))
	b = append(b, `,"resourceScopes":`...)
	b = appendList(b, c.organizationRoleResourceScopeRows(r.id), func(b []byte, s *row) []byte {
		b = idNameAppender(scopes)(b, s)
		b = append(b[:len(b)-1], `,"resource":`...)
		return append(idNameAppender(resources)(b, resources.rowByID(scopes.text(s, "resource_id"))), '}')
	})
	return append(b, '}')
}

func (c *apiRequest) organizationRoleScopeRows(role string) []*row {
	ids := c.t.relatedIDs("organization_role_scope_relations", "organization_role_id", role, "organization_scope_id")
	return c.t.tables["organization_scopes"].byIDs(ids)
}

func (c *apiRequest) organizationRoleResourceScopeRows(role string) []*row {
	ids := c.t.relatedIDs("organization_role_resource_scope_relations", "organization_role_id", role, "scope_id")
	return c.t.tables["scopes"].byIDs(ids)
}

func (c *apiRequest) organizationRoleScopes() answer {
	return c.answerSubList("organization_roles", true, func() (listing, error) {
		return foundRowsListing(func() []*row { return c.organizationRoleScopeRows(c.args[0]) }, c.rowAppender(c.t.tables["organization_scopes"])), nil
	})
}

func (c *apiRequest) organizationRoleResourceScopes() answer {
	return c.answerSubList("organization_roles", true, func() (listing, error) {
		return foundRowsListing(func() []*row { return c.organizationRoleResourceScopeRows(c.args[0]) }, c.rowAppender(c.t.tables["scopes"])), nil
	})
}

func (c *apiRequest) listOrganizationScopes() answer {
	tab := c.t.tables["organization_scopes"]
	keep := c.keywordFilter(tab, "name")
	l := foundRowsListing(func() []*row {
		return slices.DeleteFunc(sortedByName(tab, tab.heap), func(r *row) bool { return keep != nil && !keep(r) })
	}, c.rowAppender(tab))
	l.optional = true
	return c.answerListing(l)
}

func (c *apiRequest) listInvitations() answer {
	tab := c.t.tables["organization_invitations"]
	filters := map[string]string{"organization_id": c.q.get("organizationId"), "inviter_id": c.q.get("inviterId"), "invitee": c.q.get("invitee")}
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	rows := slices.DeleteFunc(sortedNewestFirst(tab.heap), func(r *row) bool {
		for col, want := range filters {
			if want != "" && tab.columnJSON(r, col) != quote(want) {
				return true
			}
		}
		return false
	})
	roles := map[string][]string{}
	relation := c.t.tables["organization_invitation_role_relations"]
	for _, r := range relation.heap {
		id := unquote(r.vals[0])
		roles[id] = append(roles[id], unquote(r.vals[1]))
	}
	body := appendList(nil, rows, func(b []byte, r *row) []byte {
		return c.t.appendOrgRolesAndClose(c.appendOpenRow(b, tab, c.t.withComputedStatus(tab, r), true), roles[r.id])
	})
	return answer{status: 200, body: body}
}

func (c *apiRequest) getInvitation() answer {
	if a, ok := c.requireRowExists("organization_invitations"); !ok {
		return a
	}
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	tab := c.t.tables["organization_invitations"]
	r := tab.rowByID(c.args[0])
	roles := c.t.relatedIDs("organization_invitation_role_relations", "organization_invitation_id", r.id, "organization_role_id")
	return answer{status: 200, body: c.t.appendOrgRolesAndClose(c.appendOpenRow(nil, tab, c.t.withComputedStatus(tab, r), true), roles)}
}

// sortedNewestFirst sorts a copy by created_at, newest first.
func sortedNewestFirst(rows []*row) []*row {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b *row) int {
		switch {
		case a.created > b.created:
			return -1
		case a.created < b.created:
			return 1
		}
		return 0
	})
	return rows
}
