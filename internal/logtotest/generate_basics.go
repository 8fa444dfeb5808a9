package logtotest

import (
	"fmt"
	"slices"
	"time"
)

// makeBasics makes the small tables that everything else refers to.
func (g *generator) makeBasics(e *versionFeatures) {
	at := g.base.AddDate(-2, 0, 0)
	g.mustInsert("resources", Row{"id": "management-api", "name": "Logto Management API", "indicator": "https://default.logto.app/api"})
	g.mustInsert("scopes", Row{
		"id": "management-api-all", "resource_id": "management-api", "name": "all", "created_at": at,
		"description": "Default scope for Management API, allows all permissions.",
	})
	var scopes []string
	for i := range 2 {
		id := g.mustInsert("resources", Row{"name": fmt.Sprintf("API resource %d", i+1), "indicator": fmt.Sprintf("https://api%d.example.com", i+1)})
		for j, name := range []string{"read:orders", "write:orders", "read:invoices", "write:invoices", "read:reports", "delete:orders", "export:data", "admin"} {
			scopes = append(scopes, g.mustInsert("scopes", Row{
				"resource_id": id, "name": name, "description": "Allows " + name, "created_at": at.Add(time.Duration(j) * time.Minute),
			}))
		}
	}
	g.makeRoles(e, scopes)
	g.makeOrganizationTemplate(scopes)
	g.makeApplications(at)
	g.mustInsert("sso_connectors", Row{
		"provider_name": "OIDC", "connector_name": "acme-oidc", "domains": []string{"acme.example"}, "created_at": at,
		"config": Row{"clientId": "acme", "clientSecret": "sso-" + g.newID(28), "issuer": "https://idp.acme.example"},
	})
	g.mustInsert("connectors", Row{
		"connector_id": "simple-mail-transfer-protocol", "created_at": at,
		"config": Row{"host": "smtp.example.com", "auth": Row{"user": "mailer", "pass": "smtp-" + g.newID(24)}},
	})
	g.mustInsert("hooks", Row{
		"name": "crm feed", "events": []string{"User.Created", "User.Deleted", "User.Data.Updated"}, "signing_key": g.newID(32), "created_at": at,
		"config": Row{"url": "https://crm.example.com/logto", "headers": Row{"Authorization": "Bearer hook-" + g.newID(24)}},
	})
	g.makeChangeFeedHook(e, at)
	g.mustInsert("custom_profile_fields", Row{"name": "companyName", "label": "Company", "sie_order": 1, "created_at": at})
	g.mustInsert("email_templates", Row{
		"language_tag": "en", "template_type": "SignIn", "created_at": at,
		"details": Row{"subject": "Your code", "content": "{{code}}", "contentType": "text/plain"},
	})
}

// makeChangeFeedHook is a hook for every data event the version has, which need not reach
// anybody: its log tells what has changed.
func (g *generator) makeChangeFeedHook(e *versionFeatures, at time.Time) {
	var events []string
	for _, r := range g.triggers {
		if !e.events[r.event] {
			events = append(events, r.event)
		}
	}
	if len(events) == 0 {
		return
	}
	slices.Sort(events)
	g.mustInsert("hooks", Row{
		"id": "syncerchangefeed00001", "name": "change feed", "events": slices.Compact(events), "signing_key": "key-of-the-hook-of-the-change-feed",
		"config": Row{"url": "https://changes.example.com/logto"}, "created_at": at,
	})
}

func (g *generator) makeRoles(e *versionFeatures, scopes []string) {
	g.mustInsert("roles", Row{
		"id": "admin-role", "name": "#internal:admin", "type": "MachineToMachine", "description": "Internal admin role for Logto tenant default.",
	})
	access := Row{
		"name": "Logto Management API access", "type": "MachineToMachine", "description": "This default role grants access to the Logto management API.",
	}
	if !e.does(managementRole) { // somebody has to make one
		access["name"], access["description"] = "management", "Machines that may read everything"
	}
	management := g.mustInsert("roles", access)
	robot := g.mustInsert("roles", Row{"name": "robot", "type": "MachineToMachine", "description": "Machines"})
	for _, role := range []string{"admin-role", management} {
		g.mustInsert("roles_scopes", Row{"role_id": role, "scope_id": "management-api-all"})
	}
	g.mustInsert("roles_scopes", Row{"role_id": robot, "scope_id": scopes[0]})
	for i, name := range []string{"customer", "support", "editor", "auditor", "finance", "developer", "viewer", "Администратор"} {
		id := g.mustInsert("roles", Row{"name": name, "description": "Role " + name, "is_default": i == 0})
		g.roles = append(g.roles, id)
		for j, scope := range scopes {
			if (i+j)%3 == 0 {
				g.mustInsert("roles_scopes", Row{"role_id": id, "scope_id": scope})
			}
		}
	}
}

func (g *generator) makeOrganizationTemplate(scopes []string) {
	var own []string
	for _, name := range []string{"read:member", "invite:member", "remove:member", "read:billing", "write:billing", "manage:org", "read:data", "write:data"} {
		own = append(own, g.mustInsert("organization_scopes", Row{"name": name, "description": "Permission " + name}))
	}
	for i, name := range []string{"member", "admin", "billing", "viewer", "owner", "guest", "machine"} {
		row := Row{"name": name, "description": "Organization role " + name}
		if name == "machine" {
			row["type"] = "MachineToMachine"
		}
		id := g.mustInsert("organization_roles", row)
		for j, scope := range own {
			if (i+j)%3 == 0 {
				g.mustInsert("organization_role_scope_relations", Row{"organization_role_id": id, "organization_scope_id": scope})
			}
		}
		if i%2 == 0 {
			g.mustInsert("organization_role_resource_scope_relations", Row{"organization_role_id": id, "scope_id": scopes[i]})
		}
	}
}

func (g *generator) makeApplications(at time.Time) {
	kinds := []string{"MachineToMachine", "SPA", "Native", "Traditional", "MachineToMachine", "SPA"}
	for i, name := range []string{"Mirror", "Customer portal", "Mobile app", "Back office", "Nightly sync", "Партнёры"} {
		row := Row{"name": name, "type": kinds[i], "created_at": at.Add(time.Duration(i) * time.Hour), "secret": "internal:" + g.newID(21)}
		if i%2 == 0 {
			row["secret"] = "#internal:" + g.newID(21) // a placeholder; the others are legacy secrets
		}
		if i == 0 {
			row["id"] = "mirrorapplication0001"
		}
		if kinds[i] != "MachineToMachine" {
			row["oidc_client_metadata"] = Row{
				"redirectUris": []string{fmt.Sprintf("https://app%d.example.com/callback", i)}, "postLogoutRedirectUris": []string{},
			}
		}
		id := g.mustInsert("applications", row)
		g.apps = append(g.apps, id)
		if kinds[i] == "MachineToMachine" || kinds[i] == "Traditional" {
			g.mustInsert("application_secrets", Row{"application_id": id, "name": "Default secret", "value": g.newID(32), "created_at": at})
		}
		if kinds[i] == "MachineToMachine" {
			role := g.tables["roles"].where("type", "MachineToMachine")[min(1+i, 2)].id
			g.mustInsert("applications_roles", Row{"application_id": id, "role_id": role})
		}
	}
}
