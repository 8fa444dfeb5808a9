package docs

import "slices"

// A group is tables that belong together: a section of both documents.
type group struct {
	title  string
	tables []*Table
}

// groups returns the tables of the mirror. A table that no group names is in
// the last one.
func (m *DatabaseModel) groups() []group {
	all := []struct {
		title string
		names []string
	}{
		{"Users and identities", []string{"users", "user_identities", "user_sso_identities", "user_mfa_verifications", "personal_access_tokens"}},
		{"Organizations and members", []string{
			"organizations", "organization_users", "organization_user_roles", "organization_invitations", "organization_invitation_roles",
			"organization_applications", "organization_application_roles",
			"organization_jit_email_domains", "organization_jit_roles", "organization_jit_sso_connectors",
		}},
		{"Roles and permissions", []string{
			"roles", "user_roles", "application_roles", "role_scopes", "resources", "scopes",
			"organization_roles", "organization_scopes", "organization_role_scopes", "organization_role_resource_scopes",
		}},
		{"Client applications", []string{"applications"}},
		{"Everything else", []string{"sso_connectors", "hooks", "custom_profile_fields", "logs"}},
	}
	rest := m.tablesIn(mirrored)
	var out []group
	for _, named := range all {
		g := group{title: named.title}
		for _, name := range named.names {
			if i := slices.IndexFunc(rest, func(t *Table) bool { return t.Name == name }); i >= 0 {
				g.tables = append(g.tables, rest[i])
				rest = slices.Delete(rest, i, i+1)
			}
		}
		out = append(out, g)
	}
	last := &out[len(out)-1]
	last.tables = append(last.tables, rest...)
	return out
}
