package logtotest

import (
	"net/http"
	"slices"
	"strings"
)

// This file answers for /api/users.

func (c *apiRequest) listUsers() answer {
	s, err := parseSearch(c.q, userSearchFields())
	if err != nil {
		return c.answerInvalidSearch(err)
	}
	role, org := c.q.get("excludeRoleId"), c.q.get("excludeOrganizationId")
	if role != "" && org != "" {
		return badSearch("Parameter `excludeRoleId` and `excludeOrganizationId` cannot be used at the same time.")
	}
	var keep func(*user) bool
	switch {
	case role != "":
		keep = func(u *user) bool { return !slices.Contains(u.roles, role) }
	case org != "":
		keep = func(u *user) bool {
			return !slices.ContainsFunc(u.orgs, func(m *member) bool { return m.org == org })
		}
	}
	return c.answerListing(c.userListing(s, func() *userSet { return c.t.users }, keep))
}

// answerInvalidSearch answers a bad search; bad paging comes first, as with the server.
func (c *apiRequest) answerInvalidSearch(err error) answer {
	if _, _, _, ok := c.paging(false); !ok {
		return c.answerListing(listing{})
	}
	return searchErrorAnswer(err)
}

// withUser answers with what show makes of a user, under the lock.
func (c *apiRequest) withUser(show func(b []byte, u *user) []byte) answer {
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	u := c.t.users.get(c.args[0])
	if u == nil {
		return notFound()
	}
	return answer{status: http.StatusOK, body: show(nil, u)}
}

func (c *apiRequest) getUser() answer {
	return c.withUser(func(b []byte, u *user) []byte {
		b = c.appendOpenUserProfileResponse(b, u)
		if c.q.isTrue("includeSsoIdentities") {
			tab := c.t.tables["user_sso_identities"]
			b = append(b, `,"ssoIdentities":`...)
			b = appendList(b, tab.where("user_id", u.id()), c.rowAppender(tab))
		}
		return append(b, '}')
	})
}

// appendList shows rows as a JSON array.
func appendList[T any](b []byte, rows []T, show func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, r := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = show(b, r)
	}
	return append(b, ']')
}

// idNameAppender shows an {id, name} of a row.
func idNameAppender(tab *table) func([]byte, *row) []byte {
	name := tab.columnIndex("name")
	return func(b []byte, r *row) []byte {
		b = append(b, `{"id":`...)
		b = append(b, r.vals[0]...)
		b = append(b, `,"name":`...)
		return append(append(b, r.vals[name]...), '}')
	}
}

// appendOrgRolesAndClose adds the organization roles of a member, sorted by name, and
// closes the object.
func (t *Tenant) appendOrgRolesAndClose(b []byte, ids []string) []byte {
	tab := t.tables["organization_roles"]
	var roles []*row
	for _, id := range ids {
		if r := tab.rowByID(id); r != nil {
			roles = append(roles, r)
		}
	}
	if len(roles) > 1 {
		slices.SortFunc(roles, func(a, b *row) int { return strings.Compare(tab.text(a, "name"), tab.text(b, "name")) })
	}
	b = append(b, `,"organizationRoles":`...)
	return append(appendList(b, roles, idNameAppender(tab)), '}')
}

func (c *apiRequest) userOrganizations() answer {
	return c.withUser(func(b []byte, u *user) []byte {
		orgs := c.t.tables["organizations"]
		return appendList(b, u.orgs, func(b []byte, m *member) []byte {
			return c.t.appendOrgRolesAndClose(c.appendOpenRow(b, orgs, orgs.rowByID(m.org), true), m.roles)
		})
	})
}

func (c *apiRequest) userRoles() answer {
	s, err := parseSearch(c.q, rowSearchFields())
	if err != nil {
		return c.answerInvalidSearch(err)
	}
	if a := c.withUser(func([]byte, *user) []byte { return nil }); a.status != http.StatusOK {
		if _, _, _, ok := c.paging(false); ok {
			return a
		}
	}
	tab := c.t.tables["roles"]
	return c.answerListing(foundRowsListing(func() []*row {
		u := c.t.users.get(c.args[0])
		if u == nil {
			return nil
		}
		var roles []*row
		for _, id := range u.roles {
			if r := tab.rowByID(id); r != nil && tab.columnJSON(r, "type") == `"User"` && visibleRole(tab, r) && tab.matchesSearch(r, s) {
				roles = append(roles, r)
			}
		}
		return roles
	}, c.rowAppender(tab)))
}

func (c *apiRequest) userTokens() answer {
	tab := c.t.tables["personal_access_tokens"]
	return c.withUser(func(b []byte, u *user) []byte {
		return appendList(b, tab.where("user_id", u.id()), c.rowAppender(tab))
	})
}

// userFactors leaves the secrets of MFA factors out, as the server does.
func (c *apiRequest) userFactors() answer {
	return c.withUser(func(b []byte, u *user) []byte {
		factors := []map[string]any{}
		list, _ := decodeRawJSON(u.rawColumn(uMFA)).([]any)
		for _, f := range list {
			full, _ := f.(map[string]any)
			shown := map[string]any{}
			for _, k := range []string{"id", "type", "createdAt", "lastUsedAt", "agent", "name"} {
				if v, ok := full[k]; ok {
					shown[k] = v
				}
			}
			if codes, ok := full["codes"].([]any); ok {
				shown["remainCodes"] = len(slices.DeleteFunc(slices.Clone(codes), func(c any) bool {
					m, _ := c.(map[string]any)
					return m["usedAt"] != nil
				}))
			}
			factors = append(factors, shown)
		}
		return append(b, encodeJSON(factors)...)
	})
}

func (c *apiRequest) userIdentities() answer {
	return c.withUser(func(b []byte, u *user) []byte {
		social := []map[string]any{}
		byTarget, _ := decodeRawJSON(roundBigNumbers(u.rawColumn(uIdentities))).(map[string]any)
		for target, identity := range byTarget {
			social = append(social, map[string]any{"target": target, "identity": identity})
		}
		slices.SortFunc(social, func(a, b map[string]any) int {
			return strings.Compare(a["target"].(string), b["target"].(string))
		})
		b = append(b, `{"socialIdentities":`...)
		b = append(b, encodeJSON(social)...)
		b = append(b, `,"ssoIdentities":`...)
		tab := c.t.tables["user_sso_identities"]
		b = appendList(b, tab.where("user_id", u.id()), func(b []byte, r *row) []byte {
			b = append(b, `{"ssoConnectorId":`...)
			b = append(b, tab.columnJSON(r, "sso_connector_id")...)
			b = append(b, `,"ssoIdentity":`...)
			return append(c.rowAppender(tab)(b, r), '}')
		})
		return append(b, '}')
	})
}

// getUserColumn answers one column of a user by itself.
func getUserColumn(col int) func(*apiRequest) answer {
	return func(c *apiRequest) answer {
		return c.withUser(func(b []byte, u *user) []byte { return append(b, roundBigNumbers(u.rawColumn(col))...) })
	}
}

func (c *apiRequest) hasPassword() answer {
	return c.withUser(func(b []byte, u *user) []byte {
		return append(appendBool(append(b, `{"hasPassword":`...), u.password != null), '}')
	})
}

func (c *apiRequest) dashboardUsersTotal() answer {
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	return answer{status: http.StatusOK, body: []byte(`{"totalUserCount":` + encodeJSON(c.t.users.len()) + `}`)}
}

// fixedAnswer answers a fixed empty object: what the simulation has none of.
func fixedAnswer(body string) func(*apiRequest) answer {
	return func(*apiRequest) answer { return answer{status: http.StatusOK, body: []byte(body)} }
}
