package logtotest

import (
	"net/http"
	"strconv"
	"strings"
)

// A route answers GET for one path under /api.
type route struct {
	path    []string // * matches one element
	answer  func(*call) answer
	since   string // the version it came with, "" for all
	paged   string // the version before which its paging was not optional
	literal int    // how many elements are no *, to find the best match
}

// routes lists what the simulation knows.
func routes() []route {
	var all []route
	add := func(path string, answer func(*call) answer, versions ...string) {
		r := route{path: strings.Split(path, "/"), answer: answer}
		r.literal = len(r.path) - strings.Count(path, "*")
		for _, v := range versions {
			if paged, ok := strings.CutPrefix(v, "paged before "); ok {
				r.paged = paged
			} else {
				r.since = v
			}
		}
		all = append(all, r)
	}
	add("users", (*call).listUsers)
	add("users/*", (*call).getUser)
	add("users/*/roles", (*call).userRoles)
	add("users/*/organizations", (*call).userOrganizations)
	add("users/*/personal-access-tokens", (*call).userTokens, "1.20")
	add("users/*/mfa-verifications", (*call).userFactors)
	add("users/*/all-identities", (*call).userIdentities, "1.30")
	add("users/*/custom-data", userPart(uCustomData))
	add("users/*/has-password", (*call).hasPassword)
	add("users/*/sessions", nothingFor(`{"sessions":[]}`), "1.38")
	add("users/*/grants", nothingFor(`{"grants":[]}`), "1.38")
	add("dashboard/users/total", (*call).usersTotal)
	add("organizations", (*call).listOrganizations)
	add("organizations/*", getRow("organizations"))
	add("organizations/*/users", (*call).organizationUsers)
	add("organizations/*/users/*/roles", (*call).memberRoles)
	add("organizations/*/applications", (*call).organizationApplications, "1.18")
	add("organizations/*/applications/*/roles", (*call).applicationMemberRoles, "1.18")
	add("organizations/*/jit/email-domains", (*call).jitDomains, "1.18", "paged before 1.36")
	add("organizations/*/jit/roles", jit("organization_jit_roles", "organization_role_id", "organization_roles"), "1.18")
	add("organizations/*/jit/sso-connectors", jit("organization_jit_sso_connectors", "sso_connector_id", "sso_connectors"), "1.18")
	add("organization-roles", (*call).listOrganizationRoles)
	add("organization-roles/*", (*call).getOrganizationRole)
	add("organization-roles/*/scopes", (*call).organizationRoleScopes, "paged before 1.25")
	add("organization-roles/*/resource-scopes", (*call).organizationRoleResourceScopes, "paged before 1.25")
	add("organization-scopes", (*call).listOrganizationScopes, "paged before 1.25")
	add("organization-scopes/*", getRow("organization_scopes"))
	add("organization-invitations", (*call).listInvitations)
	add("organization-invitations/*", (*call).getInvitation)
	add("roles", (*call).listRoles)
	add("roles/*", getRow("roles"))
	add("roles/*/users", (*call).roleUsers)
	add("roles/*/applications", (*call).roleApplications)
	add("roles/*/scopes", (*call).roleScopes)
	add("resources", (*call).listResources)
	add("resources/*", getRow("resources"))
	add("resources/*/scopes", (*call).resourceScopes)
	add("applications", (*call).listApplications)
	add("applications/*", (*call).getApplication)
	add("applications/*/roles", (*call).applicationRoles)
	add("applications/*/organizations", (*call).applicationOrganizations, "1.18")
	add("applications/*/secrets", (*call).applicationSecrets, "1.19")
	add("connectors", (*call).listConnectors)
	add("sso-connectors", (*call).listSSOConnectors)
	add("hooks", (*call).listHooks)
	add("hooks/*", (*call).getHook)
	add("hooks/*/recent-logs", (*call).recentLogs)
	add("logs", (*call).listLogs)
	add("logs/*", getRow("logs"))
	add("custom-profile-fields", (*call).listProfileFields, "1.31")
	add("email-templates", (*call).listEmailTemplates, "1.25")
	add("email-templates/*", getRow("email_templates"), "1.25")
	add("one-time-tokens", (*call).listOneTimeTokens, "1.27")
	add("domains", (*call).listDomains)
	return all
}

// find picks the route for a path below /api/; nil for none.
func (s *Server) find(path string) (best *route, args []string) {
	parts := strings.Split(path, "/")
	for i := range s.routes {
		r := &s.routes[i]
		if len(r.path) != len(parts) || best != nil && r.literal <= best.literal || r.since != "" && s.before(r.since) {
			continue
		}
		var matched []string
		for j, p := range r.path {
			if p == "*" && parts[j] != "" {
				matched = append(matched, parts[j])
			} else if p != parts[j] {
				matched = nil
				goto next
			}
		}
		best, args = r, matched
	next:
	}
	return best, args
}

// before tells if the server is older than a version.
func (s *Server) before(version string) bool {
	s.mu.Lock()
	mine := s.version
	s.mu.Unlock()
	return mine != "" && versionNumber(mine) < versionNumber(version)
}

func versionNumber(v string) int {
	n := 0
	for i, part := range strings.SplitN(v+".0.0", ".", 4) {
		if i < 3 {
			k, _ := strconv.Atoi(part) // not a number: the oldest
			n = n*1000 + k
		}
	}
	return n
}

// answer is the answer of an untroubled server to a request under /api.
func (s *Server) answer(c *call) answer {
	path := strings.TrimSuffix(strings.TrimPrefix(c.r.URL.Path, "/api/"), "/")
	if path == "status" {
		return answer{status: http.StatusNoContent}
	}
	r, args := s.find(path)
	switch {
	case r == nil:
		return plainText(http.StatusNotFound)
	case c.r.Method != http.MethodGet && c.r.Method != http.MethodHead:
		a := plainText(http.StatusMethodNotAllowed)
		a.set("Allow", "HEAD, GET")
		return a
	}
	if a, ok := s.authorize(c.r); !ok {
		return a
	}
	c.args, c.legacy = args, r.paged != "" && s.before(r.paged)
	return r.answer(c)
}
