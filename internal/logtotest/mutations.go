package logtotest

import "maps"

// CreateUser adds a user; created_at may be given, also an old one, like any
// other column of users. Who has a password_updated_at has a password.
func (t *Tenant) CreateUser(row Row) (id string, err error) { return t.Insert("users", row) }

// UpdateUser changes the given columns of a user.
func (t *Tenant) UpdateUser(id string, row Row) error { return t.Update("users", id, row) }

// DeleteUser removes a user and its roles, memberships, invitations (sent or
// accepted), tokens and SSO identities.
func (t *Tenant) DeleteUser(id string) error { return t.Delete("users", id) }

// CreateOrganization adds an organization.
func (t *Tenant) CreateOrganization(row Row) (id string, err error) {
	return t.Insert("organizations", row)
}

// UpdateOrganization changes an organization, which moves it in the listing.
func (t *Tenant) UpdateOrganization(id string, row Row) error {
	return t.Update("organizations", id, row)
}

// DeleteOrganization removes an organization, its memberships and its invitations.
func (t *Tenant) DeleteOrganization(id string) error { return t.Delete("organizations", id) }

// AddMember makes a user a member of an organization, with organization roles.
func (t *Tenant) AddMember(organization, user string, roles ...string) error {
	if _, err := t.Insert("organization_user_relations", Row{"organization_id": organization, "user_id": user}); err != nil {
		return err
	}
	for _, role := range roles {
		if err := t.AddMemberRole(organization, user, role); err != nil {
			return err
		}
	}
	return nil
}

// RemoveMember ends a membership, its organization roles included.
func (t *Tenant) RemoveMember(organization, user string) error {
	return t.Unlink("organization_user_relations", Row{"organization_id": organization, "user_id": user})
}

// AddMemberRole gives a member an organization role.
func (t *Tenant) AddMemberRole(organization, user, role string) error {
	_, err := t.Insert("organization_role_user_relations",
		Row{"organization_id": organization, "user_id": user, "organization_role_id": role})
	return err
}

// RemoveMemberRole takes an organization role from a member.
func (t *Tenant) RemoveMemberRole(organization, user, role string) error {
	return t.Unlink("organization_role_user_relations",
		Row{"organization_id": organization, "user_id": user, "organization_role_id": role})
}

// AssignRole gives a user a role.
func (t *Tenant) AssignRole(user, role string) error {
	_, err := t.Insert("users_roles", Row{"user_id": user, "role_id": role})
	return err
}

// UnassignRole takes a role from a user.
func (t *Tenant) UnassignRole(user, role string) error {
	return t.Unlink("users_roles", Row{"user_id": user, "role_id": role})
}

// CreateRole adds a role; type is User unless given.
func (t *Tenant) CreateRole(row Row) (id string, err error) { return t.Insert("roles", row) }

// UpdateRole changes a role, which moves it in the listing.
func (t *Tenant) UpdateRole(id string, row Row) error { return t.Update("roles", id, row) }

// DeleteRole removes a role and all its assignments.
func (t *Tenant) DeleteRole(id string) error { return t.Delete("roles", id) }

// CreateApplication adds an application; type is MachineToMachine unless given.
func (t *Tenant) CreateApplication(row Row) (id string, err error) {
	return t.Insert("applications", row)
}

// UpdateApplication changes an application.
func (t *Tenant) UpdateApplication(id string, row Row) error {
	return t.Update("applications", id, row)
}

// DeleteApplication removes an application, its secrets, roles and organizations.
func (t *Tenant) DeleteApplication(id string) error { return t.Delete("applications", id) }

// CreateScope adds a scope to a resource.
func (t *Tenant) CreateScope(resource string, row Row) (id string, err error) {
	with := Row{"resource_id": resource}
	maps.Copy(with, row)
	return t.Insert("scopes", with)
}

// DeleteScope removes a scope from its resource and every role.
func (t *Tenant) DeleteScope(id string) error { return t.Delete("scopes", id) }

// CreateInvitation invites somebody (invitee, an e-mail address) to an organization.
func (t *Tenant) CreateInvitation(organization, invitee string, row Row) (id string, err error) {
	with := Row{"organization_id": organization, "invitee": invitee}
	maps.Copy(with, row)
	return t.Insert("organization_invitations", with)
}

// UpdateInvitation changes an invitation: its status, say.
func (t *Tenant) UpdateInvitation(id string, row Row) error {
	return t.Update("organization_invitations", id, row)
}

// DeleteInvitation removes an invitation.
func (t *Tenant) DeleteInvitation(id string) error { return t.Delete("organization_invitations", id) }
