package catalog

import "net/url"

// machineToMachine is the type of applications and roles that act for themselves.
const machineToMachine = "MachineToMachine"

// tenantID is constant within a tenant and not worth a column: what the mirror
// calls tenant_id is the tenant's name in jobs.yaml.
const tenantID = "tenantId"

// listings holds every listing behind those it needs.
var listings = []*Listing{
	{
		Name: "users", Path: "/users", ID: "id", Walk: Split, NewestFirst: true, DeletionCheck: ByIDs, ItemPath: "/users/{id}",
		Root: Table{
			Name: "users", Key: []string{"id"},
			Drop:     []string{tenantID, "passwordDigest", "passwordAlgorithm", "passwordEncrypted", "ssoIdentities"},
			Volatile: []string{"last_sign_in_at", "updated_at"},
			Decides:  map[string]string{"is_suspended": "who of those with access can sign in"},
		},
		Nested: []Table{{
			Name: "user_identities", Key: []string{"user_id", "target"}, Field: "identities",
			From: map[string]Source{"user_id": ItemIDSource(), "target": MemberNameSource(), "identity_user_id": FieldSource("userId")},
			Refs: []Ref{{"user_id", "users"}},
		}},
	},
	{
		Name: "organizations", Path: "/organizations", ID: "id", Walk: Pages, DeletionCheck: ByPath, ItemPath: "/organizations/{id}",
		Search: "q",
		Root: Table{
			Name: "organizations", Key: []string{"id"},
			Drop: []string{tenantID, "usersCount", "featuredUsers"},
		},
	},
	{
		Name: "applications", Path: "/applications", ID: "id", Walk: Whole, DeletionCheck: ByIDs, ItemPath: "/applications/{id}",
		Root: Table{
			Name: "applications", Key: []string{"id"},
			Drop: []string{tenantID, "secret", "isAdmin"},
		},
	},
	{
		Name: "resources", Path: "/resources", ID: "id", Walk: Whole, DeletionCheck: ByWalk,
		Query: url.Values{"includeScopes": {"true"}},
		Root: Table{
			Name: "resources", Key: []string{"id"}, Drop: []string{tenantID},
			Decides: map[string]string{"indicator": "who holds a permission of the resource"},
		},
		Nested: []Table{{
			Name: "scopes", Key: []string{"id"}, Field: "scopes", Drop: []string{tenantID},
			From:    map[string]Source{"resource_id": ItemIDSource()},
			Refs:    []Ref{{"resource_id", "resources"}},
			Decides: map[string]string{"name": "who holds the permission"},
		}},
	},
	{
		Name: "roles", Path: "/roles", ID: "id", Walk: Split, DeletionCheck: ByIDs, ItemPath: "/roles/{id}",
		Root: Table{
			Name: "roles", Key: []string{"id"},
			Drop:    []string{tenantID, "usersCount", "featuredUsers", "applicationsCount", "featuredApplications"},
			Decides: map[string]string{"name": "who holds the role"},
		},
	},
	{
		Name: "organization_scopes", Path: "/organization-scopes", ID: "id", Walk: Whole, DeletionCheck: ByWalk,
		Root: Table{
			Name: "organization_scopes", Key: []string{"id"}, Drop: []string{tenantID},
			Decides: map[string]string{"name": "who holds the permission"},
		},
	},
	{
		Name: "organization_roles", Path: "/organization-roles", ID: "id", Walk: Pages, DeletionCheck: ByPath,
		ItemPath: "/organization-roles/{id}", Needs: []string{"organization_scopes", "resources"},
		Root: Table{
			Name: "organization_roles", Key: []string{"id"}, Drop: []string{tenantID},
			Decides: map[string]string{"name": "who holds the role, and which organizations have no owner"},
		},
		Nested: []Table{
			{
				Name: "organization_role_scopes", Key: []string{"organization_role_id", "organization_scope_id"},
				Field: "scopes", Only: true,
				From: map[string]Source{"organization_role_id": ItemIDSource(), "organization_scope_id": FieldSource("id")},
				Refs: []Ref{{"organization_role_id", "organization_roles"}, {"organization_scope_id", "organization_scopes"}},
			},
			{
				Name: "organization_role_resource_scopes", Key: []string{"organization_role_id", "scope_id"},
				Field: "resourceScopes", Only: true,
				From: map[string]Source{"organization_role_id": ItemIDSource(), "scope_id": FieldSource("id")},
				Refs: []Ref{{"organization_role_id", "organization_roles"}, {"scope_id", "scopes"}},
			},
		},
	},
	{
		Name: "sso_connectors", Path: "/sso-connectors", ID: "id", Walk: Whole, DeletionCheck: ByWalk,
		Root: Table{
			Name: "sso_connectors", Key: []string{"id"},
			// providerConfig is fetched from the identity provider at each request.
			Drop: []string{tenantID, "config", "providerConfig", "providerLogo", "providerLogoDark"},
		},
	},
	{
		Name: "hooks", Path: "/hooks", ID: "id", Walk: Whole, DeletionCheck: ByWalk,
		Root: Table{
			Name: "hooks", Key: []string{"id"},
			From: map[string]Source{"url_origin": URLOriginSource("config.url")},
			Drop: []string{tenantID, "config", "signingKey", "executionStats"},
		},
	},
	{
		Name: "custom_profile_fields", Since: "1.31", Path: "/custom-profile-fields", ID: "id", Walk: Whole, DeletionCheck: ByWalk,
		Root: Table{Name: "custom_profile_fields", Key: []string{"id"}, Drop: []string{tenantID}},
	},
	{
		Name: "role_scopes", Path: "/roles/{id}/scopes", ID: "id", Parent: "roles", Needs: []string{"roles", "resources"},
		Walk: Whole, DeletionCheck: ByWalk,
		Root: Table{
			Name: "role_scopes", Key: []string{"role_id", "scope_id"}, Only: true,
			From: map[string]Source{"role_id": ParentIDSource(), "scope_id": FieldSource("id")},
			Refs: []Ref{{"role_id", "roles"}, {"scope_id", "scopes"}},
		},
	},
	{
		Name: "user_roles", Path: "/roles/{id}/users", ID: "id", Parent: "roles", ParentType: "User",
		Needs: []string{"roles", "users"}, Walk: Split, CountOnly: true, DeletionCheck: ByIDs,
		Root: Table{
			Name: "user_roles", Key: []string{"role_id", "user_id"}, Only: true,
			From: map[string]Source{"role_id": ParentIDSource(), "user_id": FieldSource("id")},
			Refs: []Ref{{"role_id", "roles"}, {"user_id", "users"}},
		},
	},
	{
		Name: "application_roles", Path: "/roles/{id}/applications", ID: "id", Parent: "roles", ParentType: machineToMachine,
		Needs: []string{"roles", "applications"}, Walk: Split, CountOnly: true, DeletionCheck: ByIDs,
		Root: Table{
			Name: "application_roles", Key: []string{"role_id", "application_id"}, Only: true,
			From: map[string]Source{"role_id": ParentIDSource(), "application_id": FieldSource("id")},
			Refs: []Ref{{"role_id", "roles"}, {"application_id", "applications"}},
		},
	},
	{
		Name: "organization_users", Path: "/organizations/{id}/users", ID: "id", Parent: "organizations",
		Needs: []string{"organizations", "users", "organization_roles"}, Walk: Pages, DeletionCheck: ByWalk,
		Root: Table{
			Name: "organization_users", Key: []string{"organization_id", "user_id"}, Only: true,
			From: map[string]Source{"organization_id": ParentIDSource(), "user_id": FieldSource("id")},
			Refs: []Ref{{"organization_id", "organizations"}, {"user_id", "users"}},
		},
		Nested: []Table{{
			Name: "organization_user_roles", Key: []string{"organization_id", "user_id", "organization_role_id"},
			Field: "organizationRoles", Only: true,
			From: map[string]Source{"organization_id": ParentIDSource(), "user_id": ItemIDSource(), "organization_role_id": FieldSource("id")},
			Refs: []Ref{{"organization_id", "organizations"}, {"user_id", "users"}, {"organization_role_id", "organization_roles"}},
		}},
	},
	{
		// From the applications' side: there are far fewer of them than organizations.
		Name: "organization_applications", Since: "1.18", Path: "/applications/{id}/organizations", ID: "id",
		Parent: "applications", ParentType: machineToMachine,
		Needs: []string{"applications", "organizations", "organization_roles"}, Walk: Whole, DeletionCheck: ByWalk,
		Root: Table{
			Name: "organization_applications", Key: []string{"application_id", "organization_id"}, Only: true,
			From: map[string]Source{"application_id": ParentIDSource(), "organization_id": FieldSource("id")},
			Refs: []Ref{{"application_id", "applications"}, {"organization_id", "organizations"}},
		},
		Nested: []Table{{
			Name: "organization_application_roles", Key: []string{"application_id", "organization_id", "organization_role_id"},
			Field: "organizationRoles", Only: true,
			From: map[string]Source{"application_id": ParentIDSource(), "organization_id": ItemIDSource(), "organization_role_id": FieldSource("id")},
			Refs: []Ref{{"application_id", "applications"}, {"organization_id", "organizations"}, {"organization_role_id", "organization_roles"}},
		}},
	},
	{
		Name: "organization_invitations", Path: "/organization-invitations", ID: "id",
		Needs: []string{"organizations", "users", "organization_roles"}, Walk: Whole, DeletionCheck: ByWalk,
		Root: Table{
			Name: "organization_invitations", Key: []string{"id"}, Drop: []string{tenantID},
			Refs: []Ref{{"organization_id", "organizations"}, {"inviter_id", "users"}, {"accepted_user_id", "users"}},
		},
		Nested: []Table{{
			Name: "organization_invitation_roles", Key: []string{"organization_invitation_id", "organization_role_id"},
			Field: "organizationRoles", Only: true,
			From: map[string]Source{"organization_invitation_id": ItemIDSource(), "organization_role_id": FieldSource("id")},
			Refs: []Ref{{"organization_invitation_id", "organization_invitations"}, {"organization_role_id", "organization_roles"}},
		}},
	},
	{
		Name: "organization_jit_email_domains", Since: "1.18", Path: "/organizations/{id}/jit/email-domains", ID: "emailDomain",
		Parent: "organizations", Needs: []string{"organizations"}, Walk: Whole, DeletionCheck: ByWalk, Optional: true,
		Root: Table{
			Name: "organization_jit_email_domains", Key: []string{"organization_id", "email_domain"}, Only: true,
			From: map[string]Source{"organization_id": ParentIDSource(), "email_domain": FieldSource("emailDomain")},
			Refs: []Ref{{"organization_id", "organizations"}},
		},
	},
	{
		Name: "organization_jit_roles", Since: "1.18", Path: "/organizations/{id}/jit/roles", ID: "id",
		Parent: "organizations", Needs: []string{"organizations", "organization_roles"}, Walk: Whole, DeletionCheck: ByWalk, Optional: true,
		Root: Table{
			Name: "organization_jit_roles", Key: []string{"organization_id", "organization_role_id"}, Only: true,
			From: map[string]Source{"organization_id": ParentIDSource(), "organization_role_id": FieldSource("id")},
			Refs: []Ref{{"organization_id", "organizations"}, {"organization_role_id", "organization_roles"}},
		},
	},
	{
		Name: "organization_jit_sso_connectors", Since: "1.18", Path: "/organizations/{id}/jit/sso-connectors", ID: "id",
		Parent: "organizations", Needs: []string{"organizations", "sso_connectors"}, Walk: Whole, DeletionCheck: ByWalk, Optional: true,
		Root: Table{
			Name: "organization_jit_sso_connectors", Key: []string{"organization_id", "sso_connector_id"}, Only: true,
			From: map[string]Source{"organization_id": ParentIDSource(), "sso_connector_id": FieldSource("id")},
			// The server lists no connector whose kind of provider it no longer
			// supports, but does list it here: sso_connector_id is no reference.
			Refs: []Ref{{"organization_id", "organizations"}},
		},
	},
	{
		Name: "user_sso_identities", Path: "/users/{id}", Query: url.Values{"includeSsoIdentities": {"true"}},
		Member: "ssoIdentities", ID: "id", Parent: "users", Needs: []string{"users"}, Walk: Whole, DeletionCheck: ByWalk, Optional: true,
		Root: Table{
			Name: "user_sso_identities", Key: []string{"user_id", "id"}, Drop: []string{tenantID},
			From: map[string]Source{"user_id": ParentIDSource()},
			Refs: []Ref{{"user_id", "users"}},
		},
	},
	{
		Name: "user_mfa_verifications", Path: "/users/{id}/mfa-verifications", ID: "id", Parent: "users",
		Needs: []string{"users"}, Walk: Whole, DeletionCheck: ByWalk, Optional: true,
		Root: Table{
			Name: "user_mfa_verifications", Key: []string{"user_id", "id"}, Drop: []string{tenantID},
			From:     map[string]Source{"user_id": ParentIDSource()},
			Volatile: []string{"last_used_at"},
			Refs:     []Ref{{"user_id", "users"}},
		},
	},
	{
		Name: "personal_access_tokens", Since: "1.20", Path: "/users/{id}/personal-access-tokens", ID: "name", Parent: "users",
		Needs: []string{"users"}, Walk: Whole, DeletionCheck: ByWalk, Optional: true,
		Root: Table{
			Name: "personal_access_tokens", Key: []string{"user_id", "name"}, Drop: []string{tenantID, "value"},
			From: map[string]Source{"user_id": ParentIDSource()},
			Refs: []Ref{{"user_id", "users"}},
		},
	},
	{
		Name: "logs", Path: "/logs", ID: "id", Walk: Window, DeletionCheck: NeverDeleted, Optional: true,
		Root: Table{
			Name: "logs", Key: []string{"id"}, Drop: []string{tenantID}, Mask: []string{"payload"},
			Decides: map[string]string{"payload.userId": "which entries are about a person who is to be forgotten"},
		},
	},
}
