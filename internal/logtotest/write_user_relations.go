package logtotest

import (
	"fmt"
	"slices"
	"strings"
)

// This file writes roles and memberships of users. Every function here needs the
// tenant's write lock.

func (t *Tenant) dropRoleAssignments(role string) {
	if s := t.roleUsers[role]; s != nil {
		for _, u := range s.byID {
			u.roles = slices.DeleteFunc(u.roles, func(r string) bool { return r == role })
		}
	}
	delete(t.roleUsers, role)
}

func (t *Tenant) dropOrganizationMembers(org string) {
	for _, m := range t.members[org] {
		m.user.orgs = slices.DeleteFunc(m.user.orgs, func(o *member) bool { return o == m })
	}
	delete(t.members, org)
}

func (t *Tenant) grantUserRole(id, role string) error {
	u := t.users.get(id)
	if slices.Contains(u.roles, role) {
		return ErrExists
	}
	if t.roleUsers[role] == nil {
		t.roleUsers[role] = newUserSet(nil)
	}
	u.roles = append(u.roles, role)
	t.roleUsers[role].add(u)
	return nil
}

func (t *Tenant) revokeUserRole(id, role string) bool {
	u := t.users.get(id)
	if u == nil || !slices.Contains(u.roles, role) {
		return false
	}
	u.roles = slices.DeleteFunc(u.roles, func(r string) bool { return r == role })
	t.roleUsers[role].drop(u)
	return true
}

func compareMemberUserID(m *member, id string) int { return strings.Compare(m.user.id(), id) }

// membership finds one, nil for none.
func (t *Tenant) membership(org, id string) *member {
	if i, ok := slices.BinarySearchFunc(t.members[org], id, compareMemberUserID); ok {
		return t.members[org][i]
	}
	return nil
}

func (t *Tenant) join(org, id string) error {
	i, found := slices.BinarySearchFunc(t.members[org], id, compareMemberUserID)
	if found {
		return ErrExists
	}
	u := t.users.get(id)
	m := &member{user: u, org: org}
	t.members[org] = slices.Insert(t.members[org], i, m)
	u.orgs = append(u.orgs, m)
	return nil
}

func (t *Tenant) leave(org, id string) bool {
	i, found := slices.BinarySearchFunc(t.members[org], id, compareMemberUserID)
	if !found {
		return false
	}
	m := t.members[org][i]
	t.members[org] = slices.Delete(t.members[org], i, i+1)
	m.user.orgs = slices.DeleteFunc(m.user.orgs, func(o *member) bool { return o == m })
	return true
}

func (t *Tenant) grantMemberRole(org, role, id string) error {
	m := t.membership(org, id)
	if m == nil {
		return fmt.Errorf("membership of %s in %s: %w", id, org, ErrUnknown)
	}
	if slices.Contains(m.roles, role) {
		return ErrExists
	}
	m.roles = append(m.roles, role)
	return nil
}

func (t *Tenant) revokeMemberRole(org, role, id string) bool {
	m := t.membership(org, id)
	if m == nil || !slices.Contains(m.roles, role) {
		return false
	}
	m.roles = slices.DeleteFunc(m.roles, func(r string) bool { return r == role })
	return true
}
