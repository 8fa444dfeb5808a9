package report_test

import (
	"strings"
)

// organizationViews compute the views about organizations and applications.
func organizationViews() map[string]func(*truth) []row {
	return map[string]func(*truth) []row{
		"organization_members":            members,
		"organizations_without_owner":     withoutOwner,
		"organizations_without('Member')": func(tr *truth) []row { return tr.without("member", "suspended_holders") },
		"invitations":                     invitations,
		"organization_email_domains":      emailDomains,
		"application_directory":           applications,
		"organization_directory":          organizations,
	}
}

func members(tr *truth) (out []row) {
	roles := grouped(tr.where("organization_role_user_relations", nil), "organization_id", "user_id")
	for _, m := range tr.where("organization_user_relations", nil) {
		u := tr.users[m["user_id"]]
		out = append(out, with(pick(u, "user_id=id", "username", "primary_email", "name", "is_suspended", "last_sign_in_at"), row{
			"organization_id": m["organization_id"], "organization": tr.organizations[m["organization_id"]]["name"],
			"organization_roles": namesOf(roles[[2]any{m["organization_id"], m["user_id"]}], "organization_role_id", tr.organizationRoles),
		}))
	}
	return out
}

func withoutOwner(tr *truth) []row { return tr.without("owner", "suspended_owners") }

func (tr *truth) without(role, column string) (out []row) {
	members := grouped(tr.where("organization_user_relations", nil), "organization_id")
	holders := grouped(tr.where("organization_role_user_relations", nil), "organization_id")
	for id, o := range tr.organizations {
		active, suspended := 0, 0
		for _, h := range holders[id] {
			if strings.EqualFold(tr.organizationRoles[h["organization_role_id"]]["name"].(string), role) {
				if tr.users[h["user_id"]]["is_suspended"] == true {
					suspended++
				} else {
					active++
				}
			}
		}
		if active == 0 {
			out = append(out, row{
				"organization_id": id, "organization": o["name"], "created_at": o["created_at"], "members": len(members[id]), column: suspended,
			})
		}
	}
	return out
}

func invitations(tr *truth) (out []row) {
	roles := grouped(tr.where("organization_invitation_role_relations", nil), "organization_invitation_id")
	name := func(id any) any {
		u := row{}
		for _, column := range []string{"primary_email", "username", "name"} {
			u[column] = tr.users[id][column]
		}
		return holder(u)
	}
	for _, i := range tr.where("organization_invitations", nil) {
		out = append(out, with(pick(i, "invitation_id=id", "organization_id", "invitee", "status", "created_at", "expires_at", "inviter_id", "accepted_user_id"), row{
			"organization": tr.organizations[i["organization_id"]]["name"],
			"is_open":      i["status"] == "Pending" && at(i["expires_at"]).After(clock()),
			"inviter":      name(i["inviter_id"]), "accepted_user": name(i["accepted_user_id"]),
			"organization_roles": namesOf(roles[i["id"]], "organization_role_id", tr.organizationRoles),
		}))
	}
	return out
}

func emailDomains(tr *truth) (out []row) {
	count := map[[2]any]int{}
	for _, m := range tr.where("organization_user_relations", nil) {
		if email, ok := tr.users[m["user_id"]]["primary_email"].(string); ok {
			_, domain, _ := strings.Cut(strings.ToLower(email), "@")
			count[[2]any{m["organization_id"], domain}]++
		}
	}
	for key, n := range count {
		joins := false
		for _, j := range tr.where("organization_jit_email_domains", row{"organization_id": key[0]}) {
			joins = joins || strings.EqualFold(j["email_domain"].(string), key[1].(string))
		}
		out = append(out, row{
			"organization_id": key[0], "organization": tr.organizations[key[0]]["name"], "domain": key[1], "members": n, "joins_by_itself": joins,
		})
	}
	return out
}

func applications(tr *truth) (out []row) {
	roles := grouped(tr.where("applications_roles", nil), "application_id")
	orgs := grouped(tr.where("organization_application_relations", nil), "application_id")
	for id, a := range tr.applications {
		out = append(out, with(pick(a, "application_id=id", "application=name", "type", "is_third_party", "created_at"), row{
			"roles": namesOf(roles[id], "role_id", tr.roles), "organizations": namesOf(orgs[id], "organization_id", tr.organizations),
			"sign_ups": len(tr.where("users", row{"application_id": id})),
		}))
	}
	return out
}

func organizations(tr *truth) (out []row) {
	members := grouped(tr.where("organization_user_relations", nil), "organization_id")
	apps := grouped(tr.where("organization_application_relations", nil), "organization_id")
	for id, o := range tr.organizations {
		suspended := 0
		var last any
		for _, m := range members[id] {
			u := tr.users[m["user_id"]]
			if u["is_suspended"] == true {
				suspended++
			}
			if in := u["last_sign_in_at"]; in != nil && (last == nil || at(in).After(at(last))) {
				last = in
			}
		}
		out = append(out, with(pick(o, "organization_id=id", "organization=name", "created_at", "is_mfa_required"), row{
			"members": len(members[id]), "suspended_members": suspended, "last_sign_in_at": last, "applications": len(apps[id]),
			"pending_invitations": len(tr.where("organization_invitations", row{"organization_id": id, "status": "Pending"})),
		}))
	}
	return out
}
