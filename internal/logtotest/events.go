package logtotest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// An actor is who changes the tenant: it decides what the server tells of it.
type actor int

const (
	byAPI     actor = iota // somebody through the Management API
	bySQL                  // somebody in the database, a cascade, a bulk load: nothing is told
	byFlow                 // an end user who signs up, signs in or resets a password
	byAccount              // an end user through the account API
)

// An triggeringCall is a call of the Management API that fires an event.
type triggeringCall struct {
	event, method, route string
	params               string // name=column of each parameter of the route
	status               int
	data                 string // what the answer is, which the event carries: "row", "scopes", a column, "" for nothing
}

// membership is the event of who belongs to an organization.
const membership = "Organization.Membership.Updated"

// triggers says which change of which table fires what. A change that is not here
// fires nothing: assignments of roles and organization roles, identities, MFA,
// tokens, applications, resources, invitations, just-in-time settings, hooks.
func triggers() map[string]triggeringCall {
	const user, scope, role, org = "/users/:userId", "/resources/:resourceId/scopes", "/organization-roles/:id", "/organizations/:id"
	return map[string]triggeringCall{
		"insert users":                     {"User.Created", "POST", "/users", "", 200, "row"},
		"update users":                     {"User.Data.Updated", "PATCH", user, "userId=id", 200, "row"},
		"update users custom_data":         {"User.Data.Updated", "PATCH", user + "/custom-data", "userId=id", 200, "custom_data"},
		"update users profile":             {"User.Data.Updated", "PATCH", user + "/profile", "userId=id", 200, "profile"},
		"update users password_updated_at": {"User.Data.Updated", "PATCH", user + "/password", "userId=id", 200, "row"},
		"update users is_suspended":        {"User.SuspensionStatus.Updated", "PATCH", user + "/is-suspended", "userId=id", 200, "row"},
		"delete users":                     {"User.Deleted", "DELETE", user, "userId=id", 204, "row"},

		"insert roles":        {"Role.Created", "POST", "/roles", "", 200, "row"},
		"update roles":        {"Role.Data.Updated", "PATCH", "/roles/:id", "id=id", 200, "row"},
		"delete roles":        {"Role.Deleted", "DELETE", "/roles/:id", "id=id", 204, ""},
		"insert roles_scopes": {"Role.Scopes.Updated", "POST", "/roles/:id/scopes", "id=role_id", 201, "scopes"},
		"delete roles_scopes": {"Role.Scopes.Updated", "DELETE", "/roles/:id/scopes/:scopeId", "id=role_id scopeId=scope_id", 204, ""},

		"insert scopes": {"Scope.Created", "POST", scope, "resourceId=resource_id", 201, "row"},
		"update scopes": {"Scope.Data.Updated", "PATCH", scope + "/:scopeId", "resourceId=resource_id scopeId=id", 200, "row"},
		"delete scopes": {"Scope.Deleted", "DELETE", scope + "/:scopeId", "resourceId=resource_id scopeId=id", 204, ""},

		"insert organizations": {"Organization.Created", "POST", "/organizations", "", 201, "row"},
		"update organizations": {"Organization.Data.Updated", "PATCH", org, "id=id", 200, "row"},
		"delete organizations": {"Organization.Deleted", "DELETE", org, "id=id", 204, ""},

		"insert " + orgUsers: {membership, "POST", org + "/users", "id=organization_id", 201, ""},
		"delete " + orgUsers: {membership, "DELETE", org + "/users/:userId", "id=organization_id userId=user_id", 204, ""},
		"insert " + orgApps:  {membership, "POST", org + "/applications", "id=organization_id", 201, ""},
		"delete " + orgApps: {
			membership, "DELETE", org + "/applications/:applicationId", "id=organization_id applicationId=application_id", 204, "",
		},

		"insert organization_roles":  {"OrganizationRole.Created", "POST", "/organization-roles", "", 201, "row"},
		"update organization_roles":  {"OrganizationRole.Data.Updated", "PATCH", role, "id=id", 200, "row"},
		"delete organization_roles":  {"OrganizationRole.Deleted", "DELETE", role, "id=id", 204, ""},
		"insert " + orgRoleScopes:    {"OrganizationRole.Scopes.Updated", "POST", role + "/scopes", "id=organization_role_id", 201, ""},
		"insert organization_scopes": {"OrganizationScope.Created", "POST", "/organization-scopes", "", 201, "row"},
		"update organization_scopes": {"OrganizationScope.Data.Updated", "PATCH", "/organization-scopes/:id", "id=id", 200, "row"},
		"delete organization_scopes": {"OrganizationScope.Deleted", "DELETE", "/organization-scopes/:id", "id=id", 204, ""},
		"delete " + orgRoleScopes: {
			"OrganizationRole.Scopes.Updated", "DELETE", role + "/scopes/:organizationScopeId",
			"id=organization_role_id organizationScopeId=organization_scope_id", 204, "",
		},
	}
}

// apiContext is the context of the Management API that an event carries.
func (g triggeringCall) apiContext(cells map[string]string) map[string]any {
	path, params := g.route, map[string]any{}
	for pair := range strings.FieldsSeq(g.params) {
		name, column, _ := strings.Cut(pair, "=")
		params[name] = unquote(cells[column])
		path = replaceRouteParam(path, name, unquote(cells[column]))
	}
	if under, ok := strings.CutPrefix(path, "/roles/"); ok { // how the server mounts /roles shows
		params["0"] = "/" + under
	}
	return map[string]any{"method": g.method, "matchedRoute": g.route, "path": path, "params": params, "status": g.status}
}

// replaceRouteParam puts a value into a route.
func replaceRouteParam(route, name, value string) string {
	parts := strings.Split(route, "/")
	for i, part := range parts {
		if part == ":"+name {
			parts[i] = value
		}
	}
	return strings.Join(parts, "/")
}

// fireChange fires what a change of a row fires: of an insert or an update after it, of
// a delete before it. cells are the row's raw columns, of users the id is enough.
func (t *Tenant) fireChange(op, table string, cells map[string]string) {
	g, fires := t.triggers[op+" "+table]
	if !fires || t.by == bySQL || !t.hasSubscriber(g.event) {
		return
	}
	var body map[string]any
	switch t.by {
	case byFlow:
		body = t.flow.eventMetadata(t)
	case byAccount:
		body = map[string]any{"ip": endUserIP, "userAgent": endUserAgent}
	default:
		body = g.apiContext(cells)
		body["ip"] = administratorIP
	}
	if data := t.eventData(g, table, cells); data != nil {
		body["data"] = data
	}
	if g.event == membership {
		maps.Copy(body, t.memberDelta(op, unquote(cells["organization_id"]), cells))
	}
	t.fire(g.event, body)
}

// fireRowChange is fire with the values of a whole row.
func (t *Tenant) fireRowChange(op, table string, cols []column, vals []string) {
	if _, fires := t.triggers[op+" "+table]; !fires || t.by == bySQL {
		return
	}
	cells := make(map[string]string, len(cols))
	for i, c := range cols {
		cells[c.name] = vals[i]
	}
	t.fireChange(op, table, cells)
}

// memberDelta is what an event says about who joined or left an organization.
func (t *Tenant) memberDelta(op, org string, cells map[string]string) map[string]any {
	kind, id := "User", cells["user_id"]
	if id == "" {
		kind, id = "Application", cells["application_id"]
	}
	verb := map[string]string{"insert": "added", "delete": "removed"}[op]
	return t.membershipEventBody(org, map[string][]string{verb + kind + "Ids": {unquote(id)}})
}

// maxDelta is how many ids an event lists at most, of each kind.
const maxDelta = 5000

func (t *Tenant) membershipEventBody(org string, ids map[string][]string) map[string]any {
	body := map[string]any{"organizationId": org}
	for name, list := range ids {
		if len(list) > 0 && t.edition.does(membershipDeltas) {
			body[name] = slices.Clone(list[:min(len(list), maxDelta)])
		}
	}
	return body
}

// eventData is the answer of the call that made a change, nil for none.
func (t *Tenant) eventData(g triggeringCall, table string, cells map[string]string) any {
	c := &apiRequest{t: t, edition: t.edition}
	switch {
	case g.data == "":
		return nil
	case g.data == "scopes":
		scopes := t.tables["scopes"]
		return json.RawMessage(appendList(nil, scopes.byIDs(t.relatedIDs("roles_scopes", "role_id", unquote(cells["role_id"]), "scope_id")), c.rowAppender(scopes)))
	case table != "users" && !strings.HasPrefix(table, "users "):
		tab := t.tables[table]
		return json.RawMessage(c.rowAppender(tab)(nil, tab.rowByID(unquote(cells["id"]))))
	}
	u := t.users.get(unquote(cells["id"]))
	switch {
	case t.by != byAPI:
		return c.userInfo(u)
	case g.data != "row":
		return json.RawMessage(u.roundedColumn(userTextColumnPosition(g.data)))
	case g.event != "User.Deleted":
		return json.RawMessage(append(c.appendOpenUserProfileResponse(nil, u), '}'))
	case t.edition.does(deletedUserData):
		return c.userInfo(u)
	}
	return nil
}

// userInfo is a user as most events show it.
func (c *apiRequest) userInfo(u *user) json.RawMessage {
	return append(c.appendOpenUserInfo(nil, u), '}')
}

// classifyUserChange names the change that writing these columns of a user is, "" for one
// that no event tells.
func classifyUserChange(columns map[string]string) string {
	parts := map[string]bool{"custom_data": true, "profile": true, "password_updated_at": true, "is_suspended": true, "last_sign_in_at": true}
	whole := []string{"username", "primary_email", "primary_phone", "name", "avatar", "custom_data", "profile"}
	written := slices.DeleteFunc(slices.Sorted(maps.Keys(columns)), func(c string) bool { return c == "updated_at" })
	switch {
	case len(written) == 1 && parts[written[0]]:
		return "users " + written[0]
	case slices.ContainsFunc(written, func(c string) bool { return slices.Contains(whole, c) }):
		return "users"
	case slices.Contains(written, "is_suspended"):
		return "users is_suspended"
	case slices.Contains(written, "password_updated_at"):
		return "users password_updated_at"
	}
	return ""
}
