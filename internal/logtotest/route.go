package logtotest

import (
	"net/http"
	"strings"
)

// A route answers GET for one path under /api.
type route struct {
	path    string   // as releases has it: * matches one element
	parts   []string // of the path
	answer  func(*call) answer
	literal int // how many elements are no *, to find the best match
}

// get makes a route.
func get(path string, answer func(*call) answer) route {
	parts := strings.Split(path, "/")
	return route{path: path, parts: parts, answer: answer, literal: len(parts) - strings.Count(path, "*")}
}

// routes lists what the simulation knows.
func routes() []route {
	return []route{
		get("users", (*call).listUsers),
		get("users/*", (*call).getUser),
		get("users/*/roles", (*call).userRoles),
		get("users/*/organizations", (*call).userOrganizations),
		get("users/*/personal-access-tokens", (*call).userTokens),
		get("users/*/mfa-verifications", (*call).userFactors),
		get("users/*/all-identities", (*call).userIdentities),
		get("users/*/custom-data", userPart(uCustomData)),
		get("users/*/has-password", (*call).hasPassword),
		get("users/*/sessions", nothingFor(`{"sessions":[]}`)),
		get("users/*/grants", nothingFor(`{"grants":[]}`)),
		get("dashboard/users/total", (*call).usersTotal),
		get("organizations", (*call).listOrganizations),
		get("organizations/*", getRow("organizations")),
		get("organizations/*/users", (*call).organizationUsers),
		get("organizations/*/users/*/roles", (*call).memberRoles),
		get("organizations/*/applications", (*call).organizationApplications),
		get("organizations/*/applications/*/roles", (*call).applicationMemberRoles),
		get("organizations/*/jit/email-domains", (*call).jitDomains),
		get("organizations/*/jit/roles", jit("organization_jit_roles", "organization_role_id", "organization_roles")),
		get("organizations/*/jit/sso-connectors", jit("organization_jit_sso_connectors", "sso_connector_id", "sso_connectors")),
		get("organization-roles", (*call).listOrganizationRoles),
		get("organization-roles/*", getRow("organization_roles")),
		get("organization-roles/*/scopes", (*call).organizationRoleScopes),
		get("organization-roles/*/resource-scopes", (*call).organizationRoleResourceScopes),
		get("organization-scopes", (*call).listOrganizationScopes),
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
		get("applications/*/organizations", (*call).applicationOrganizations),
		get("applications/*/secrets", (*call).applicationSecrets),
		get("connectors", (*call).listConnectors),
		get("sso-connectors", (*call).listSSOConnectors),
		get("hooks", (*call).listHooks),
		get("hooks/*", (*call).getHook),
		get("hooks/*/recent-logs", (*call).recentLogs),
		get("logs", (*call).listLogs),
		get("logs/*", getRow("logs")),
		get("custom-profile-fields", (*call).listProfileFields),
		get("email-templates", (*call).listEmailTemplates),
		get("email-templates/*", getRow("email_templates")),
		get("one-time-tokens", (*call).listOneTimeTokens),
		get("domains", (*call).listDomains),
		get("custom-phrases", (*call).listCustomPhrases),
		get("saml-applications", methodNotAllowed), // one can only be added
	}
}

// find picks the route for a path below /api/; nil for one that this edition has not.
func (s *Server) find(e *edition, path string) (best *route, args []string) {
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

func methodNotAllowed(*call) answer {
	a := plainText(http.StatusMethodNotAllowed)
	a.set("Allow", "HEAD, GET")
	return a
}

// answer is the answer of an untroubled server to a request under /api.
func (s *Server) answer(c *call) answer {
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
	c.args, c.paged = args, c.edition.paged[r.path]
	return r.answer(c)
}
