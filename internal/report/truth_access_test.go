package report_test

// accessViews compute who may do what.
func accessViews() map[string]func(*truth) []row {
	return map[string]func(*truth) []row{
		"user_permissions": func(tr *truth) []row {
			return tr.permissions("user_id", "users_roles", "organization_role_user_relations")
		},
		"application_permissions": func(tr *truth) []row {
			return tr.permissions("application_id", "applications_roles", "organization_role_application_relations")
		},
		"permission_holders": permissionHolders,
		"role_members":       roleMembers,
	}
}

// permissions follows roles and organization roles to what they grant.
func (tr *truth) permissions(who, roles, organizationRoles string) (out []row) {
	for _, h := range tr.where(roles, nil) {
		for _, g := range tr.grants[h["role_id"]] {
			scope := tr.scopes[g["scope_id"]]
			resource := tr.resources[scope["resource_id"]]
			out = append(out, row{
				who: h[who], "organization_id": nil, "organization": nil, "through": "role",
				"role_id": h["role_id"], "role": tr.roles[h["role_id"]]["name"], "scope_id": scope["id"], "scope": scope["name"],
				"resource": resource["name"], "indicator": resource["indicator"], "since": nil, "granted_by": nil,
			})
		}
	}
	for _, h := range tr.where(organizationRoles, nil) {
		base := row{
			who: h[who], "organization_id": h["organization_id"], "organization": tr.organizations[h["organization_id"]]["name"],
			"through": "organization role", "role_id": h["organization_role_id"], "role": tr.organizationRoles[h["organization_role_id"]]["name"],
			"since": nil, "granted_by": nil, // the first run has found all of it
		}
		for _, g := range tr.organizationGrants[h["organization_role_id"]] {
			scope := tr.organizationScopes[g["organization_scope_id"]]
			out = append(out, with(with(row{}, base), row{"scope_id": scope["id"], "scope": scope["name"], "resource": nil, "indicator": nil}))
		}
		for _, g := range tr.resourceGrants[h["organization_role_id"]] {
			scope := tr.scopes[g["scope_id"]]
			resource := tr.resources[scope["resource_id"]]
			out = append(out, with(with(row{}, base), row{
				"scope_id": scope["id"], "scope": scope["name"], "resource": resource["name"], "indicator": resource["indicator"],
			}))
		}
	}
	return out
}

func permissionHolders(tr *truth) (out []row) {
	for _, p := range tr.permissions("user_id", "users_roles", "organization_role_user_relations") {
		u := tr.users[p["user_id"]]
		delete(p, "user_id")
		out = append(out, with(p, row{"holder_type": "user", "holder_id": u["id"], "holder": holder(u), "is_suspended": u["is_suspended"]}))
	}
	for _, p := range tr.permissions("application_id", "applications_roles", "organization_role_application_relations") {
		a := tr.applications[p["application_id"]]
		delete(p, "application_id")
		out = append(out, with(p, row{"holder_type": "application", "holder_id": a["id"], "holder": a["name"], "is_suspended": false}))
	}
	return out
}

func roleMembers(tr *truth) (out []row) {
	for _, h := range tr.where("users_roles", nil) {
		u := tr.users[h["user_id"]]
		out = append(out, row{
			"role_id": h["role_id"], "role": tr.roles[h["role_id"]]["name"], "holder_type": "user", "holder_id": u["id"],
			"holder": holder(u), "is_suspended": u["is_suspended"], "last_sign_in_at": u["last_sign_in_at"],
		})
	}
	for _, h := range tr.where("applications_roles", nil) {
		a := tr.applications[h["application_id"]]
		out = append(out, row{
			"role_id": h["role_id"], "role": tr.roles[h["role_id"]]["name"], "holder_type": "application", "holder_id": a["id"],
			"holder": a["name"], "is_suspended": false, "last_sign_in_at": nil,
		})
	}
	return out
}
