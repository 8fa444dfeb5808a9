package logtotest

import (
	"fmt"
	"slices"
	"time"
)

// This file makes up what lies between users, organizations and roles.

// staff is about how many hold each role but the default one, at the most: who
// gets more customers does not get more people to look after the books.
const staff = 2000

// assignRoles gives half of the users the default role and some of them others.
func (g *generator) assignRoles() {
	oneOf := max(12, g.Users/staff)
	age := map[string][]*user{}
	for _, u := range g.users.byAge {
		for i, role := range g.roles {
			if i == 0 && g.r.IntN(2) == 0 || i > 0 && g.r.IntN(oneOf) == 0 {
				u.roles = append(u.roles, role)
				age[role] = append(age[role], u)
			}
		}
	}
	ids := map[string][]*user{}
	for _, u := range g.users.byID {
		for _, role := range u.roles {
			ids[role] = append(ids[role], u)
		}
	}
	for role, users := range ids {
		g.roleUsers[role] = &userSet{byID: users, byAge: age[role]}
	}
}

// makeMembers makes about 1.05 memberships a user, a fifth of them in one big
// organization.
func (g *generator) makeMembers() {
	roles := []string{}
	for _, r := range g.tables["organization_roles"].where("type", "User") {
		roles = append(roles, r.id)
	}
	for _, u := range g.users.byID {
		for range []int{0, 0, 0, 1, 1, 1, 1, 2, 2, 3}[g.r.IntN(10)] {
			org := g.orgs[0]
			if g.r.IntN(5) > 0 {
				org = pick(g.r, g.orgs)
			}
			if slices.ContainsFunc(u.orgs, func(m *member) bool { return m.org == org }) {
				continue
			}
			m := &member{user: u, org: org}
			switch g.r.IntN(10) {
			case 0, 1:
			case 2:
				m.roles = []string{roles[0], pick(g.r, roles[1:])}
			default:
				m.roles = []string{roles[0]}
			}
			u.orgs = append(u.orgs, m)
			g.members[org] = append(g.members[org], m)
		}
	}
}

func (g *generator) makeInvitations() {
	n := min(len(g.orgs), 3000)
	ids := g.bulkInsert("organization_invitations", n, func(i int) Row {
		at := g.base.Add(-time.Duration(g.r.IntN(40*24)) * time.Hour)
		r := Row{
			"organization_id": g.orgs[i], "invitee": fmt.Sprintf("invitee%d@example.com", i+1), "created_at": at, "updated_at": at,
			"expires_at": at.Add(10 * 24 * time.Hour), "status": pick(g.r, []string{"Pending", "Accepted", "Expired", "Revoked"}),
		}
		if all := g.users.byID; len(all) > 0 {
			if g.r.IntN(2) == 0 {
				r["inviter_id"] = pick(g.r, all).id()
			}
			if r["status"] == "Accepted" {
				r["accepted_user_id"] = pick(g.r, all).id()
			}
		}
		return r
	})
	for i, id := range ids {
		if i%3 == 0 {
			g.mustInsert("organization_invitation_role_relations",
				Row{"organization_invitation_id": id, "organization_role_id": g.tables["organization_roles"].heap[0].id})
		}
	}
}

// makeBelongings gives some users tokens, SSO identities and one-time tokens.
func (g *generator) makeBelongings() {
	connector := g.tables["sso_connectors"].heap[0].id
	all := g.users.byID
	step := max(1, len(all)/min(len(all)+1, 2000), 50)
	for i := 0; i < len(all); i += step {
		at := g.past()
		g.mustInsert("personal_access_tokens", Row{"user_id": all[i].id(), "name": "ci token", "value": "pat_" + g.newID(32), "created_at": at})
		id := all[(i+1)%len(all)].id()
		g.mustInsert("user_sso_identities", Row{
			"user_id": id, "issuer": "https://idp.example.com", "identity_id": "acme|" + id, "sso_connector_id": connector,
			"detail": Row{"email": id + "@acme.example", "groups": []string{"eng"}}, "created_at": at, "updated_at": at,
		})
	}
	for i := range 3 {
		g.mustInsert("one_time_tokens", Row{
			"email": fmt.Sprintf("guest%d@example.com", i), "token": g.newID(32), "created_at": g.base.Add(-time.Hour),
			"expires_at": g.base.Add(time.Duration(i-1) * 24 * time.Hour),
		})
	}
}
