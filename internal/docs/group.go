package docs

import "slices"

// A group are tables that belong together, in the columns the picture has them
// in.
type group struct {
	title   string
	columns [][]string
}

// groups returns the tables of the mirror. One that nobody has placed yet is
// among the rest.
func (m *Model) groups() []group {
	all := []group{
		{"People", [][]string{
			{"users", "user_identities", "user_sso_identities", "user_mfa_verifications", "personal_access_tokens"},
		}},
		{"Organizations", [][]string{
			{"organizations", "organization_users", "organization_user_roles", "organization_invitations", "organization_invitation_roles"},
			{"organization_applications", "organization_application_roles", "organization_jit_email_domains", "organization_jit_roles", "organization_jit_sso_connectors"},
		}},
		{"Roles and permissions", [][]string{
			{"roles", "user_roles", "application_roles", "role_scopes", "resources", "scopes"},
			{"organization_roles", "organization_scopes", "organization_role_scopes", "organization_role_resource_scopes"},
		}},
		{"Applications", [][]string{{"applications"}}},
		{"The rest", [][]string{{"sso_connectors", "hooks", "custom_profile_fields", "logs"}}},
	}
	placed := map[string]bool{}
	for _, g := range all {
		for i, column := range g.columns {
			g.columns[i] = slices.DeleteFunc(column, func(name string) bool { return m.table(mirrored, name) == nil })
			for _, name := range column {
				placed[name] = true
			}
		}
	}
	rest := &all[len(all)-1].columns[0]
	for _, t := range m.in(mirrored) {
		if !placed[t.Name] {
			*rest = append(*rest, t.Name)
		}
	}
	return all
}
