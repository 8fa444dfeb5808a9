package report_test

import (
	"strings"
	"time"
)

// moment is when the questions about time are asked.
const moment = "'2026-11-01 00:00:00+00'"

func momentTime() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }

// peopleViews compute the views with a row a user.
func peopleViews() map[string]func(*truth) []row {
	return map[string]func(*truth) []row{
		"user_directory":       directory,
		"users_without_access": withoutAccess,
		"never_signed_in":      neverSignedIn,
		"suspended_users":      suspended,
		"duplicate_people":     duplicates,
		"identity_providers":   providers,
	}
}

func directory(tr *truth) (out []row) {
	roles := grouped(tr.where("users_roles", nil), "user_id")
	orgs := grouped(tr.where("organization_user_relations", nil), "user_id")
	sso := grouped(tr.where("user_sso_identities", nil), "user_id")
	connectors := map[any]row{}
	for _, c := range tr.where("sso_connectors", nil) {
		connectors[c["id"]] = row{"name": c["connector_name"]}
	}
	for id, u := range tr.users {
		social, factors := []any{}, []any{}
		for target := range u["identities"].(row) {
			social = append(social, target)
		}
		for _, f := range u["mfa_verifications"].([]any) {
			factors = append(factors, f.(row)["type"])
		}
		out = append(out, with(pick(u, "user_id=id", "username", "primary_email", "primary_phone", "name", "is_suspended", "created_at", "last_sign_in_at"), row{
			"has_password": u["password_updated_at"] != nil, "signed_up_with": tr.applications[u["application_id"]]["name"],
			"roles": namesOf(roles[id], "role_id", tr.roles), "organizations": namesOf(orgs[id], "organization_id", tr.organizations),
			"social_identities": social, "sso_identities": namesOf(sso[id], "sso_connector_id", connectors), "mfa_factors": factors,
		}))
	}
	return out
}

func withoutAccess(tr *truth) (out []row) {
	roles := grouped(tr.where("users_roles", nil), "user_id")
	orgs := grouped(tr.where("organization_user_relations", nil), "user_id")
	for id, u := range tr.users {
		if len(roles[id])+len(orgs[id]) == 0 {
			out = append(out, pick(u, "user_id=id", "username", "primary_email", "name", "is_suspended", "created_at", "last_sign_in_at"))
		}
	}
	return out
}

func neverSignedIn(tr *truth) (out []row) {
	for _, u := range tr.users {
		if u["last_sign_in_at"] == nil {
			out = append(out, pick(u, "user_id=id", "username", "primary_email", "name", "is_suspended", "created_at"))
		}
	}
	return out
}

func suspended(tr *truth) (out []row) {
	roles := grouped(tr.where("users_roles", nil), "user_id")
	orgs := grouped(tr.where("organization_user_relations", nil), "user_id")
	for id, u := range tr.users {
		if u["is_suspended"] == true {
			out = append(out, with(pick(u, "user_id=id", "username", "primary_email", "name", "created_at", "last_sign_in_at"),
				row{"role_count": len(roles[id]), "organization_count": len(orgs[id])}))
		}
	}
	return out
}

func dormant(tr *truth) (out []row) {
	for _, u := range tr.users {
		if u["last_sign_in_at"] == nil {
			continue
		}
		if away := momentTime().Sub(at(u["last_sign_in_at"])); away > 30*24*time.Hour {
			out = append(out, with(pick(u, "user_id=id", "username", "primary_email", "name", "is_suspended", "last_sign_in_at"),
				row{"days_away": int(away.Hours() / 24)}))
		}
	}
	return out
}

func duplicates(tr *truth) (out []row) {
	found := map[[2]string]map[any]bool{}
	add := func(kind string, value string, id any) {
		key := [2]string{kind, value}
		if found[key] == nil {
			found[key] = map[any]bool{}
		}
		found[key][id] = true
	}
	for id, u := range tr.users {
		if u["primary_email"] != nil {
			add("e-mail", strings.ToLower(u["primary_email"].(string)), id)
		}
		if u["primary_phone"] != nil {
			add("phone", u["primary_phone"].(string), id)
		}
		for target, identity := range u["identities"].(row) {
			add("social identity", target+" "+identity.(row)["userId"].(string), id)
		}
	}
	for _, i := range tr.where("user_sso_identities", nil) {
		add("enterprise identity", i["issuer"].(string)+" "+i["identity_id"].(string), i["user_id"])
	}
	for key, ids := range found {
		list := []any{}
		for id := range ids {
			list = append(list, id)
		}
		if len(list) > 1 {
			out = append(out, row{"kind": key[0], "value": key[1], "users": len(list), "user_ids": list})
		}
	}
	return out
}

func providers(tr *truth) (out []row) {
	identities, users := map[[2]any]int{}, map[[3]any]bool{}
	add := func(kind, provider, user any) {
		identities[[2]any{kind, provider}]++
		users[[3]any{kind, provider, user}] = true
	}
	for id, u := range tr.users {
		for target := range u["identities"].(row) {
			add("social", target, id)
		}
	}
	for _, i := range tr.where("user_sso_identities", nil) {
		add("enterprise", tr.where("sso_connectors", row{"id": i["sso_connector_id"]})[0]["connector_name"], i["user_id"])
	}
	for key, n := range identities {
		distinct := 0
		for user := range users {
			if user[0] == key[0] && user[1] == key[1] {
				distinct++
			}
		}
		out = append(out, row{"kind": key[0], "provider": key[1], "identities": n, "users": distinct})
	}
	return out
}
