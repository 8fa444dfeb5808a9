package logtotest_test

import (
	"encoding/json"
	"strings"
	"time"

	"logto-syncer/internal/logtotest"
)

// A recordedRoute is a route of the Management API and what it does to a tenant.
type recordedRoute struct {
	method, route string
	do            func(tenant *logtotest.Tenant, args []string, a action) error
}

// recordedRoutes are the routes of the recorded actions.
func recordedRoutes() []recordedRoute {
	const member, orgRole = "organization_user_relations", "organization_role_scope_relations"
	password := func(tenant *logtotest.Tenant, args []string, _ action) error {
		return tenant.UpdateUser(args[0], logtotest.Row{"password_updated_at": tenant.Now()})
	}
	return []recordedRoute{
		{"POST", "users", create("users")},
		{"PATCH", "users/*", change("users")},
		{"PATCH", "users/*/custom-data", change("users")},
		{"PATCH", "users/*/profile", change("users")},
		{"PATCH", "users/*/password", password},
		{"PATCH", "users/*/is-suspended", change("users")},
		{"PUT", "users/*/identities/*", func(tenant *logtotest.Tenant, args []string, a action) error {
			return tenant.UpdateUser(args[0], logtotest.Row{"identities": a.Response})
		}},
		{"DELETE", "users/*/identities/*", func(tenant *logtotest.Tenant, args []string, _ action) error {
			return tenant.UpdateUser(args[0], logtotest.Row{"identities": logtotest.Row{}})
		}},
		{"POST", "users/*/personal-access-tokens", create("personal_access_tokens")},
		{"POST", "users/*/roles", relate("users_roles", "user_id", "role_id", "roleIds")},
		{"PUT", "users/*/roles", nothing}, // the roles it has
		{"DELETE", "users/*/roles/*", unrelate("users_roles", "user_id", "role_id")},
		{"DELETE", "users/*", destroy("users", 0)},
		{"POST", "roles", create("roles")},
		{"PATCH", "roles/*", change("roles")},
		{"DELETE", "roles/*", destroy("roles", 0)},
		{"POST", "roles/*/scopes", relate("roles_scopes", "role_id", "scope_id", "scopeIds")},
		{"DELETE", "roles/*/scopes/*", unrelate("roles_scopes", "role_id", "scope_id")},
		{"POST", "roles/*/users", relate("users_roles", "role_id", "user_id", "userIds")},
		{"POST", "resources", create("resources")},
		{"DELETE", "resources/*", destroy("resources", 0)},
		{"POST", "resources/*/scopes", create("scopes")},
		{"PATCH", "resources/*/scopes/*", func(tenant *logtotest.Tenant, args []string, a action) error {
			return tenant.Update("scopes", args[1], columns("scopes", a.Body))
		}},
		{"DELETE", "resources/*/scopes/*", destroy("scopes", 1)},
		{"POST", "organizations", create("organizations")},
		{"PATCH", "organizations/*", change("organizations")},
		{"DELETE", "organizations/*", destroy("organizations", 0)},
		{"POST", "organizations/*/users", func(tenant *logtotest.Tenant, args []string, a action) error {
			return tenant.AddMembers(args[0], listed(a, "userIds")...)
		}},
		{"PUT", "organizations/*/users", func(tenant *logtotest.Tenant, args []string, a action) error {
			return tenant.ReplaceMembers(args[0], listed(a, "userIds")...)
		}},
		{"DELETE", "organizations/*/users/*", unrelate(member, "organization_id", "user_id")},
		{"POST", "organizations/*/users/*/roles", func(tenant *logtotest.Tenant, args []string, a action) error {
			return tenant.AddMemberRole(args[0], args[1], listed(a, "organizationRoleIds")[0])
		}},
		{"PUT", "organizations/*/users/*/roles", func(tenant *logtotest.Tenant, args []string, _ action) error {
			return tenant.RemoveMemberRole(args[0], args[1], "dwl0bk8tf19tfr9l3y4t8") // the one it has
		}},
		{"POST", "organizations/*/jit/email-domains", create("organization_jit_email_domains")},
		{"POST", "organizations/*/applications", relate("organization_application_relations", "organization_id", "application_id", "applicationIds")},
		{"POST", "organization-roles", create("organization_roles")},
		{"PATCH", "organization-roles/*", change("organization_roles")},
		{"DELETE", "organization-roles/*", destroy("organization_roles", 0)},
		{"POST", "organization-roles/*/scopes", relate(orgRole, "organization_role_id", "organization_scope_id", "organizationScopeIds")},
		{"DELETE", "organization-roles/*/scopes/*", unrelate(orgRole, "organization_role_id", "organization_scope_id")},
		{
			"POST", "organization-roles/*/resource-scopes",
			relate("organization_role_resource_scope_relations", "organization_role_id", "scope_id", "scopeIds"),
		},
		{"POST", "organization-scopes", create("organization_scopes")},
		{"PATCH", "organization-scopes/*", change("organization_scopes")},
		{"DELETE", "organization-scopes/*", destroy("organization_scopes", 0)},
		{"POST", "organization-invitations", create("organization_invitations")},
		{"POST", "applications", create("applications")},
		{"DELETE", "applications/*", destroy("applications", 0)},
	}
}

func nothing(*logtotest.Tenant, []string, action) error { return nil }

// create inserts the row that the request was answered with.
func create(table string) func(*logtotest.Tenant, []string, action) error {
	return func(tenant *logtotest.Tenant, _ []string, a action) error {
		row := columns(table, a.Response.(map[string]any))
		if a.Body["password"] != nil {
			row["password_updated_at"] = tenant.Now()
		}
		_, err := tenant.Insert(table, row)
		return err
	}
}

// change writes what the request was sent with to the row its path names first.
func change(table string) func(*logtotest.Tenant, []string, action) error {
	return func(tenant *logtotest.Tenant, args []string, a action) error {
		return tenant.Update(table, args[0], columns(table, a.Body))
	}
}

func destroy(table string, arg int) func(*logtotest.Tenant, []string, action) error {
	return func(tenant *logtotest.Tenant, args []string, _ action) error { return tenant.Delete(table, args[arg]) }
}

// relate inserts a row for the first id that the request was sent with.
func relate(table, parent, child, ids string) func(*logtotest.Tenant, []string, action) error {
	return func(tenant *logtotest.Tenant, args []string, a action) error {
		_, err := tenant.Insert(table, logtotest.Row{parent: args[0], child: listed(a, ids)[0]})
		return err
	}
}

func unrelate(table, parent, child string) func(*logtotest.Tenant, []string, action) error {
	return func(tenant *logtotest.Tenant, args []string, _ action) error {
		return tenant.Unlink(table, logtotest.Row{parent: args[0], child: args[1]})
	}
}

func listed(a action, key string) []string {
	var ids []string
	for _, id := range a.Body[key].([]any) {
		ids = append(ids, id.(string))
	}
	return ids
}

// columns makes a row of a table of an object of the API.
func columns(table string, object map[string]any) logtotest.Row {
	row := logtotest.Row{}
	for _, column := range logtotest.Columns(table) {
		words := strings.Split(column, "_")
		for i, word := range words[1:] {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
		v, given := object[strings.Join(words, "")]
		if n, isNumber := v.(json.Number); isNumber && strings.HasSuffix(column, "_at") {
			ms, _ := n.Int64()
			v = time.UnixMilli(ms)
		}
		if given {
			row[column] = v
		}
	}
	return row
}
