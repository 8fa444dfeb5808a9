package logtotest

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// This file answers for /api/applications and /api/resources.

const applicationTypes = `["Native","SPA","Traditional","MachineToMachine","Protected","SAML"]`

func (c *apiRequest) listApplications() answer {
	types, _ := decodeRawJSON(applicationTypes).([]any)
	if _, _, _, ok := c.paging(true); !ok {
		return c.answerListing(listing{})
	}
	for _, typ := range c.q.all("types") {
		if !slices.Contains(types, any(typ)) {
			return badEnum("types", typ, applicationTypes)
		}
	}
	third := c.q.get("isThirdParty")
	if c.q.has("isThirdParty") && third != "true" && third != "false" {
		return badEnum("isThirdParty", third, `["true","false"]`)
	}
	role, org := c.q.get("excludeRoleId"), c.q.get("excludeOrganizationId")
	if role != "" && org != "" {
		return failure(http.StatusBadRequest, "request.invalid_input",
			"Input is invalid. Parameter `excludeRoleId` and `excludeOrganizationId` cannot be used at the same time.")
	}
	s, err := parseSearch(c.q, rowSearchFields())
	if err != nil {
		return internalError() // nothing turns the error of a search into a 400 here
	}
	tab := c.t.tables["applications"]
	l := foundRowsListing(func() []*row {
		var out []string
		if role != "" {
			out = c.t.relatedIDs("applications_roles", "role_id", role, "application_id")
		} else if org != "" {
			out = c.t.relatedIDs("organization_application_relations", "organization_id", org, "application_id")
		}
		return slices.DeleteFunc(sortedNewestFirst(tab.heap), func(r *row) bool {
			return c.q.has("types") && !slices.Contains(c.q.all("types"), tab.text(r, "type")) ||
				third != "" && tab.columnJSON(r, "is_third_party") != third || !tab.matchesSearch(r, s) || slices.Contains(out, r.id)
		})
	}, c.applicationAppender(""))
	l.optional = true
	return c.answerListing(l)
}

// appendOpenApplication shows an application, without the closing brace. The placeholder in
// the place of a secret is hidden since 1.42.
func (c *apiRequest) appendOpenApplication(b []byte, tab *table, r *row) []byte {
	from := len(b)
	b = c.appendOpenRow(b, tab, r, true)
	if secret := tab.columnJSON(r, "secret"); strings.HasPrefix(secret, `"#internal:`) && c.edition.does(hiddenPlaceholder) {
		field := []byte(`"secret":` + secret + `,`)
		if i := bytes.Index(b[from:], field); i >= 0 {
			b = slices.Delete(b, from+i, from+i+len(field))
		}
	}
	return b
}

// applicationAppender shows an application whole, with more at its end.
func (c *apiRequest) applicationAppender(more string) func(b []byte, r *row) []byte {
	tab := c.t.tables["applications"]
	return func(b []byte, r *row) []byte { return append(append(c.appendOpenApplication(b, tab, r), more...), '}') }
}

func (c *apiRequest) getApplication() answer {
	if a, ok := c.requireRowExists("applications"); !ok {
		return a
	}
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	roles := c.t.tables["roles"]
	admin := slices.ContainsFunc(roles.byIDs(c.t.relatedIDs("applications_roles", "application_id", c.args[0], "role_id")),
		func(r *row) bool { return roles.text(r, "name") == "#internal:admin" })
	body := c.applicationAppender(`,"isAdmin":`+string(appendBool(nil, admin)))(nil, c.t.tables["applications"].rowByID(c.args[0]))
	return answer{status: 200, body: body}
}

func (c *apiRequest) applicationRoles() answer {
	if _, _, _, ok := c.paging(false); ok {
		c.t.mu.RLock()
		tab := c.t.tables["applications"]
		app := tab.rowByID(c.args[0])
		c.t.mu.RUnlock()
		if app != nil && tab.text(app, "type") != "MachineToMachine" {
			return failure(http.StatusUnprocessableEntity, "application.invalid_type", "Only machine to machine applications can have associated roles.")
		}
	}
	return c.answerSubList("applications", false, func() (listing, error) {
		s, err := parseSearch(c.q, rowSearchFields())
		tab := c.t.tables["roles"]
		return foundRowsListing(func() []*row {
			rows := tab.byIDs(c.t.relatedIDs("applications_roles", "application_id", c.args[0], "role_id"))
			return slices.DeleteFunc(rows, func(r *row) bool {
				return !visibleRole(tab, r) || tab.text(r, "type") != "MachineToMachine" || !tab.matchesSearch(r, s)
			})
		}, c.rowAppender(tab)), err
	})
}

func (c *apiRequest) applicationOrganizations() answer {
	return c.answerSubList("applications", true, func() (listing, error) {
		tab := c.t.tables["organizations"]
		return foundRowsListing(func() []*row {
			return tab.byIDs(c.t.relatedIDs("organization_application_relations", "application_id", c.args[0], "organization_id"))
		}, func(b []byte, r *row) []byte {
			return c.t.appendOrgRolesAndClose(c.appendOpenRow(b, tab, r, true), c.t.applicationOrgRoles(r.id, c.args[0]))
		}), nil
	})
}

func (c *apiRequest) applicationSecrets() answer {
	if a, ok := c.requireRowExists("applications"); !ok {
		return a
	}
	tab := c.t.tables["application_secrets"]
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	return answer{status: 200, body: appendList(nil, tab.where("application_id", c.args[0]), c.rowAppender(tab))}
}

func (c *apiRequest) listResources() answer {
	tab, scopes := c.t.tables["resources"], c.t.tables["scopes"]
	show := c.rowAppender(tab)
	if c.q.isTrue("includeScopes") {
		show = func(b []byte, r *row) []byte {
			b = append(c.appendOpenRow(b, tab, r, true), `,"scopes":`...)
			return append(appendList(b, scopes.where("resource_id", r.id), c.rowAppender(scopes)), '}')
		}
	}
	l := c.tableListing(tab, nil, show)
	l.optional = true
	return c.answerListing(l)
}

func (c *apiRequest) resourceScopes() answer {
	s, err := parseSearch(c.q, rowSearchFields())
	if err != nil {
		return c.answerInvalidSearch(err)
	}
	tab := c.t.tables["scopes"]
	return c.answerListing(foundRowsListing(func() []*row {
		return slices.DeleteFunc(tab.where("resource_id", c.args[0]), func(r *row) bool { return !tab.matchesSearch(r, s) })
	}, c.rowAppender(tab)))
}
