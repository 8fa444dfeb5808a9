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

// newRoute makes a route.
func newRoute(path string, answer func(*apiRequest) answer) route {
	parts := strings.Split(path, "/")
	return route{path: path, parts: parts, answer: answer, literal: len(parts) - strings.Count(path, "*")}
}

// routes lists what the simulation knows.
func routes() []route {
	return []route{
		newRoute("users", (*apiRequest).listUsers),
		newRoute("users/*", (*apiRequest).getUser),
		newRoute("users/*/roles", (*apiRequest).userRoles),
		newRoute("users/*/organizations", (*apiRequest).userOrganizations),
		newRoute("users/*/personal-access-tokens", (*apiRequest).userTokens),
		newRoute("users/*/mfa-verifications", (*apiRequest).userFactors),
		newRoute("users/*/all-identities", (*apiRequest).userIdentities),
		newRoute("users/*/custom-data", getUserColumn(uCustomData)),
		newRoute("users/*/has-password", (*apiRequest).hasPassword),
		newRoute("users/*/sessions", fixedAnswer(`{"sessions":[]}`)),
		newRoute("users/*/grants", fixedAnswer(`{"grants":[]}`)),
		newRoute("dashboard/users/total", (*apiRequest).dashboardUsersTotal),
		newRoute("organizations", (*apiRequest).listOrganizations),
		newRoute("organizations/*", getRow("organizations")),
		newRoute("organizations/*/users", (*apiRequest).organizationUsers),
		newRoute("organizations/*/users/*/roles", (*apiRequest).memberRoles),
		newRoute("organizations/*/applications", (*apiRequest).organizationApplications),
		newRoute("organizations/*/applications/*/roles", (*apiRequest).applicationMemberRoles),
		newRoute("organizations/*/jit/email-domains", (*apiRequest).jitDomains),
		newRoute("organizations/*/jit/roles", listJIT("organization_jit_roles", "organization_role_id", "organization_roles")),
		newRoute("organizations/*/jit/sso-connectors", listJIT("organization_jit_sso_connectors", "sso_connector_id", "sso_connectors")),
		newRoute("organization-roles", (*apiRequest).listOrganizationRoles),
		newRoute("organization-roles/*", getRow("organization_roles")),
		newRoute("organization-roles/*/scopes", (*apiRequest).organizationRoleScopes),
		newRoute("organization-roles/*/resource-scopes", (*apiRequest).organizationRoleResourceScopes),
		newRoute("organization-scopes", (*apiRequest).listOrganizationScopes),
		newRoute("organization-scopes/*", getRow("organization_scopes")),
		newRoute("organization-invitations", (*apiRequest).listInvitations),
		newRoute("organization-invitations/*", (*apiRequest).getInvitation),
		newRoute("roles", (*apiRequest).listRoles),
		newRoute("roles/*", getRow("roles")),
		newRoute("roles/*/users", (*apiRequest).roleUsers),
		newRoute("roles/*/applications", (*apiRequest).roleApplications),
		newRoute("roles/*/scopes", (*apiRequest).roleScopes),
		newRoute("resources", (*apiRequest).listResources),
		newRoute("resources/*", getRow("resources")),
		newRoute("resources/*/scopes", (*apiRequest).resourceScopes),
		newRoute("applications", (*apiRequest).listApplications),
		newRoute("applications/*", (*apiRequest).getApplication),
		newRoute("applications/*/roles", (*apiRequest).applicationRoles),
		newRoute("applications/*/organizations", (*apiRequest).applicationOrganizations),
		newRoute("applications/*/secrets", (*apiRequest).applicationSecrets),
		newRoute("connectors", (*apiRequest).listConnectors),
		newRoute("sso-connectors", (*apiRequest).listSSOConnectors),
		newRoute("hooks", (*apiRequest).listHooks),
		newRoute("hooks/*", (*apiRequest).getHook),
		newRoute("hooks/*/recent-logs", (*apiRequest).hookRecentLogs),
		newRoute("logs", (*apiRequest).listLogs),
		newRoute("logs/*", getRow("logs")),
		newRoute("custom-profile-fields", (*apiRequest).listProfileFields),
		newRoute("email-templates", (*apiRequest).listEmailTemplates),
		newRoute("email-templates/*", getRow("email_templates")),
		newRoute("one-time-tokens", (*apiRequest).listOneTimeTokens),
		newRoute("domains", (*apiRequest).listDomains),
		newRoute("custom-phrases", (*apiRequest).listCustomPhrases),
		newRoute("saml-applications", methodNotAllowed), // one can only be added
	}
}

// findRoute picks the route for a path below /api/; nil for one that this edition has not.
func (s *Server) findRoute(e *versionFeatures, path string) (best *route, args []string) {
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
	r, args := s.findRoute(c.edition, path)
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
