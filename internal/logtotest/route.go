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

// get makes a route: versions are the one it came with and the one before which
// its paging was not optional, both "" or left out where there is nothing to say.
func get(path string, answer func(*call) answer, versions ...string) route {
	versions = append(versions, "", "")
	r := route{path: strings.Split(path, "/"), answer: answer, since: versions[0], paged: versions[1]}
	r.literal = len(r.path) - strings.Count(path, "*")
	return r
}

// routes lists what the simulation knows.
func routes() []route {
	return []route{
		get("users", (*call).listUsers),
		get("users/*", (*call).getUser),
		get("users/*/roles", (*call).userRoles),
		get("users/*/organizations", (*call).userOrganizations),
		get("users/*/personal-access-tokens", (*call).userTokens, "1.20"),
		get("users/*/mfa-verifications", (*call).userFactors),
		get("users/*/all-identities", (*call).userIdentities, "1.30"),
		get("users/*/custom-data", userPart(uCustomData)),
		get("users/*/has-password", (*call).hasPassword),
		get("users/*/sessions", nothingFor(`{"sessions":[]}`), "1.38"),
		get("users/*/grants", nothingFor(`{"grants":[]}`), "1.38"),
		get("dashboard/users/total", (*call).usersTotal),
		get("organizations", (*call).listOrganizations),
		get("organizations/*", getRow("organizations")),
		get("organizations/*/users", (*call).organizationUsers),
		get("organizations/*/users/*/roles", (*call).memberRoles),
		get("organizations/*/applications", (*call).organizationApplications, "1.18"),
		get("organizations/*/applications/*/roles", (*call).applicationMemberRoles, "1.18"),
		get("organizations/*/jit/email-domains", (*call).jitDomains, "1.18", "1.36"),
		get("organizations/*/jit/roles", jit("organization_jit_roles", "organization_role_id", "organization_roles"), "1.18"),
		get("organizations/*/jit/sso-connectors", jit("organization_jit_sso_connectors", "sso_connector_id", "sso_connectors"), "1.18"),
		get("organization-roles", (*call).listOrganizationRoles),
		get("organization-roles/*", (*call).getOrganizationRole),
		get("organization-roles/*/scopes", (*call).organizationRoleScopes, "", "1.25"),
		get("organization-roles/*/resource-scopes", (*call).organizationRoleResourceScopes, "", "1.25"),
		get("organization-scopes", (*call).listOrganizationScopes, "", "1.25"),
		get("organization-scopes/*", getRow("organization_scopes")),
		get("organization-invitations", (*call).listInvitations),
		get("organization-invitations/*", (*call).getInvitation),
		get("roles", (*call).listRoles),
		get("roles/*", getRow("roles")),
		get("roles/*/users", (*call).roleUsers),
		get("roles/*/applications", (*call).roleApplications),
		get("roles/*/scopes", (*call).roleScopes),
		get("resources", (*call).listResources),
		get("resources/*", getRow("resources")),
		get("resources/*/scopes", (*call).resourceScopes),
		get("applications", (*call).listApplications),
		get("applications/*", (*call).getApplication),
		get("applications/*/roles", (*call).applicationRoles),
		get("applications/*/organizations", (*call).applicationOrganizations, "1.18"),
		get("applications/*/secrets", (*call).applicationSecrets, "1.19"),
		get("connectors", (*call).listConnectors),
		get("sso-connectors", (*call).listSSOConnectors),
		get("hooks", (*call).listHooks),
		get("hooks/*", (*call).getHook),
		get("hooks/*/recent-logs", (*call).recentLogs),
		get("logs", (*call).listLogs),
		get("logs/*", getRow("logs")),
		get("custom-profile-fields", (*call).listProfileFields, "1.31"),
		get("email-templates", (*call).listEmailTemplates, "1.25"),
		get("email-templates/*", getRow("email_templates"), "1.25"),
		get("one-time-tokens", (*call).listOneTimeTokens, "1.27"),
		get("domains", (*call).listDomains),
	}
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
