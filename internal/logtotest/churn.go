package logtotest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// MakeRandomChange makes one change drawn from r, of the kinds a busy tenant sees: people
// come, go, sign in and change, memberships, roles and organizations too. It
// returns what it did ("delete user 9vqjlcvlgn62"), for a failing test to print.
// The same tenant and the same draws make the same change.
func (t *Tenant) MakeRandomChange(r *rand.Rand) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &churn{t, r}
	kinds := []func() string{
		c.createUser, c.createUser, c.createUser, c.signIn, c.signIn, c.signIn, c.renameUser, c.deleteUser, c.deleteUser,
		c.assign, c.assign, c.unassign, c.join, c.join, c.leave, c.createRenameOrDeleteOrganization, c.createRenameOrDeleteOrganization, c.createRenameOrDeleteRole,
	}
	for {
		if what := pick(r, kinds)(); what != "" {
			return what
		}
	}
}

// A churn makes changes under the tenant's write lock. Its methods return "" when
// there is nothing to do that to.
type churn struct {
	t *Tenant
	r *rand.Rand
}

func (c *churn) user() *user {
	if c.t.users.len() == 0 {
		return nil
	}
	return pick(c.r, c.t.users.byID)
}

// mustInsertOrUpdate runs an insertion or an update, which cannot fail with the values it gets.
func (c *churn) mustInsertOrUpdate(what, table, id string, raws map[string]string) string {
	var err error
	if id == "" {
		id, err = c.t.insert(table, raws)
	} else {
		err = c.t.update(table, id, raws)
	}
	if err != nil {
		panic(fmt.Sprintf("churn: %s in %s: %v", what, table, err))
	}
	return what + " " + id
}

func (c *churn) createUser() string {
	at := c.t.Now()
	how := c.r.IntN(4)
	if how == 0 { // an import by SQL, of which nothing is told
		defer c.t.setActor(bySQL)()
		at = at.Add(-time.Duration(c.r.IntN(1000)) * time.Hour)
	}
	row := map[string]string{"name": quote(fmt.Sprintf("newcomer %d", c.r.IntN(1e9))), "created_at": quoteTime(at.UnixMicro())}
	if how == 1 {
		id, err := c.t.signUp(row)
		if err != nil {
			panic(fmt.Sprintf("churn: sign up: %v", err))
		}
		return "sign up user " + id
	}
	return c.mustInsertOrUpdate("create user", "users", "", row)
}

func (c *churn) signIn() string {
	if u := c.user(); u != nil {
		return c.mustInsertOrUpdate("sign in user", "users", u.id(), map[string]string{"last_sign_in_at": quoteTime(c.t.Now().UnixMicro())})
	}
	return ""
}

func (c *churn) renameUser() string {
	if u := c.user(); u != nil {
		return c.mustInsertOrUpdate("rename user", "users", u.id(), map[string]string{"name": quote(fmt.Sprintf("renamed %d", c.r.IntN(1e9)))})
	}
	return ""
}

func (c *churn) deleteUser() string {
	u := c.user()
	if u == nil {
		return ""
	}
	id := u.id()
	c.t.deleteAndFire("users", id)
	return "delete user " + id
}

func (c *churn) assign() string {
	u, tab := c.user(), c.t.tables["roles"]
	roles := tab.where("type", "User")
	if u == nil || len(roles) == 0 {
		return ""
	}
	role := pick(c.r, roles).id
	if c.t.grantUserRole(u.id(), role) != nil {
		return "" // has it already
	}
	return "assign role " + role + " to user " + u.id()
}

func (c *churn) unassign() string {
	u := c.user()
	if u == nil || len(u.roles) == 0 {
		return ""
	}
	role := pick(c.r, u.roles)
	c.t.revokeUserRole(u.id(), role)
	return "take role " + role + " from user " + u.id()
}

func (c *churn) join() string {
	u, orgs := c.user(), c.t.tables["organizations"].heap
	if u == nil || len(orgs) == 0 {
		return ""
	}
	org := pick(c.r, orgs).id
	what := "add member "
	if _, err := c.t.insert(orgUsers, map[string]string{"organization_id": quote(org), "user_id": u.rawColumn(uID)}); err != nil { // a member already: give it a role
		what = "grant a role to member "
		roles := c.t.tables["organization_roles"].where("type", "User")
		if len(roles) == 0 || c.t.grantMemberRole(org, pick(c.r, roles).id, u.id()) != nil {
			return ""
		}
	}
	return what + u.id() + " of organization " + org
}

func (c *churn) leave() string {
	u := c.user()
	if u == nil || len(u.orgs) == 0 {
		return ""
	}
	org := pick(c.r, u.orgs).org
	c.t.unlink(orgUsers, map[string]string{"organization_id": quote(org), "user_id": u.rawColumn(uID)})
	return "remove member " + u.id() + " of organization " + org
}

func (c *churn) createRenameOrDeleteOrganization() string {
	orgs := c.t.tables["organizations"].heap
	name := map[string]string{"name": quote(fmt.Sprintf("Organization %d", c.r.IntN(1e9)))}
	switch kind := c.r.IntN(10); {
	case kind < 3 || len(orgs) == 0:
		return c.mustInsertOrUpdate("create organization", "organizations", "", name)
	case kind < 9:
		return c.mustInsertOrUpdate("rename organization", "organizations", pick(c.r, orgs).id, name)
	}
	id := pick(c.r, orgs).id
	c.t.deleteAndFire("organizations", id)
	return "delete organization " + id
}

func (c *churn) createRenameOrDeleteRole() string {
	tab := c.t.tables["roles"]
	roles := slices.DeleteFunc(tab.where("type", "User"), func(r *row) bool { return !visibleRole(tab, r) })
	name := map[string]string{"name": quote(fmt.Sprintf("role %d", c.r.IntN(1e9)))}
	switch kind := c.r.IntN(10); {
	case kind < 3 || len(roles) == 0:
		return c.mustInsertOrUpdate("create role", "roles", "", name)
	case kind < 8:
		return c.mustInsertOrUpdate("rename role", "roles", pick(c.r, roles).id, name)
	}
	id := pick(c.r, roles).id
	c.t.deleteAndFire("roles", id)
	return "delete role " + id
}
