package logtotest

import (
	"net/http"
	"strings"
)

// A route answers GET for one path under /api.
type route struct {
	path    string   // as releases has it: * matches one element
	parts   []string // of the path
	answer  func(*apiRequest) answer
	literal int // how many elements are no *, to find the best match
}

// get makes a route.
func get(path string, answer func(*apiRequest) answer) route {
	parts := strings.Split(path, "/")
	return route{path: path, parts: parts, answer: answer, literal: len(parts) - strings.Count(path, "*")}
}

// routes lists what the simulation knows.
func routes() []route {
	return []route{
		get("users", (*apiRequest).listUsers),
		get("users/*", (*apiRequest).getUser),
		get("users/*/roles", (*apiRequest).userRoles),
		get("users/*/organizations", (*apiRequest).userOrganizations),
		get("users/*/personal-access-tokens", (*apiRequest).userTokens),
		get("users/*/mfa-verifications", (*apiRequest).userFactors),
		get("users/*/all-identities", (*apiRequest).userIdentities),
		get("users/*/custom-data", getUserColumn(uCustomData)),
		get("users/*/has-password", (*apiRequest).hasPassword),
		get("users/*/sessions", fixedAnswer(`{"sessions":[]}`)),
		get("users/*/grants", fixedAnswer(`{"grants":[]}`)),
		get("dashboard/users/total", (*apiRequest).dashboardUsersTotal),
		get("organizations", (*apiRequest).listOrganizations),
		get("organizations/*", getRow("organizations")),
		get("organizations/*/users", (*apiRequest).organizationUsers),
		get("organizations/*/users/*/roles", (*apiRequest).memberRoles),
		get("organizations/*/applications", (*apiRequest).organizationApplications),
		get("organizations/*/applications/*/roles", (*apiRequest).applicationMemberRoles),
		get("organizations/*/jit/email-domains", (*apiRequest).jitDomains),
		get("organizations/*/jit/roles", listJIT("organization_jit_roles", "organization_role_id", "organization_roles")),
		get("organizations/*/jit/sso-connectors", listJIT("organization_jit_sso_connectors", "sso_connector_id", "sso_connectors")),
		get("organization-roles", (*apiRequest).listOrganizationRoles),
		get("organization-roles/*", getRow("organization_roles")),
		get("organization-roles/*/scopes", (*apiRequest).organizationRoleScopes),
		get("organization-roles/*/resource-scopes", (*apiRequest).organizationRoleResourceScopes),
		get("organization-scopes", (*apiRequest).listOrganizationScopes),
		get("organization-scopes/*", getRow("organization_scopes")),
		get("organization-invitations", (*apiRequest).listInvitations),
		get("organization-invitations/*", (*apiRequest).getInvitation),
		get("roles", (*apiRequest).listRoles),
		get("roles/*", getRow("roles")),
		get("roles/*/users", (*apiRequest).roleUsers),
		get("roles/*/applications", (*apiRequest).roleApplications),
		get("roles/*/scopes", (*apiRequest).roleScopes),
		get("resources", (*apiRequest).listResources),
		get("resources/*", getRow("resources")),
		get("resources/*/scopes", (*apiRequest).resourceScopes),
		get("applications", (*apiRequest).listApplications),
		get("applications/*", (*apiRequest).getApplication),
		get("applications/*/roles", (*apiRequest).applicationRoles),
		get("applications/*/organizations", (*apiRequest).applicationOrganizations),
		get("applications/*/secrets", (*apiRequest).applicationSecrets),
		get("connectors", (*apiRequest).listConnectors),
		get("sso-connectors", (*apiRequest).listSSOConnectors),
		get("hooks", (*apiRequest).listHooks),
		get("hooks/*", (*apiRequest).getHook),
		get("hooks/*/recent-logs", (*apiRequest).hookRecentLogs),
		get("logs", (*apiRequest).listLogs),
		get("logs/*", getRow("logs")),
		get("custom-profile-fields", (*apiRequest).listProfileFields),
		get("email-templates", (*apiRequest).listEmailTemplates),
		get("email-templates/*", getRow("email_templates")),
		get("one-time-tokens", (*apiRequest).listOneTimeTokens),
		get("domains", (*apiRequest).listDomains),
		get("custom-phrases", (*apiRequest).listCustomPhrases),
		get("saml-applications", methodNotAllowed), // one can only be added
	}
}

// find picks the route for a path below /api/; nil for one that this edition has not.
func (s *Server) find(e *versionBehavior, path string) (best *route, args []string) {
	parts := strings.Split(path, "/")
	for i := range s.routes {
		r := &s.routes[i]
		if len(r.parts) != len(parts) || best != nil && r.literal <= best.literal || e.routes[r.path] {
			continue
		}
		var matched []string
		for j, p := range r.parts {
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

func methodNotAllowed(*apiRequest) answer {
	a := plainText(http.StatusMethodNotAllowed)
	a.addHeader("Allow", "HEAD, GET")
	return a
}

// answer is the answer of an untroubled server to a request under /api.
func (s *Server) answer(c *apiRequest) answer {
	path := strings.TrimSuffix(strings.TrimPrefix(c.r.URL.Path, "/api/"), "/")
	if path == "status" {
		return answer{status: http.StatusNoContent}
	}
	r, args := s.find(c.edition, path)
	switch {
	case r == nil:
		return plainText(http.StatusNotFound)
	case c.r.Method != http.MethodGet && c.r.Method != http.MethodHead:
		return methodNotAllowed(c)
	}
	if a, ok := s.authorize(c.r); !ok {
		return a
	}
	s.Tenant.flushDueLogs()
	c.args, c.paged = args, c.edition.paged[r.path]
	return r.answer(c)
}
