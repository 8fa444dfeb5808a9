package logtotest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/logtotest"
)

// tables gathers every table as sorted JSON lines.
func tables(tenant *logtotest.Tenant) map[string][]string {
	all := map[string][]string{}
	for _, name := range tenant.Tables() {
		for _, r := range tenant.Rows(name) {
			all[name] = append(all[name], text(r))
		}
		slices.Sort(all[name])
	}
	return all
}

func TestLoadKeepsEveryRow(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/tenant.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][]map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&want); err != nil {
		t.Fatal(err)
	}
	lines := map[string][]string{}
	for name, rows := range want {
		for _, r := range rows {
			if strings.HasPrefix(name, "users_r") || strings.HasPrefix(name, "roles_s") || strings.HasPrefix(name, "applications_r") {
				delete(r, "id") // a surrogate no endpoint shows
			}
			lines[name] = append(lines[name], text(r))
		}
		slices.Sort(lines[name])
	}
	if diff := cmp.Diff(lines, tables(loadTenant(t))); diff != "" {
		t.Errorf("tables (-file +loaded):\n%.3000s", diff)
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	o := logtotest.Options{Users: 400, Seed: 7, Ties: true}
	tenant := logtotest.Generate(o)
	t.Run("equal options make equal tenants", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff(tables(tenant), tables(logtotest.Generate(o))); diff != "" {
			t.Errorf("first and second:\n%.2000s", diff)
		}
	})
	t.Run("another seed makes another", func(t *testing.T) {
		t.Parallel()
		if cmp.Equal(tables(tenant)["users"], tables(logtotest.Generate(logtotest.Options{Users: 400, Seed: 8}))["users"]) {
			t.Error("the seed does not matter")
		}
	})
	t.Run("what is written is loaded again", func(t *testing.T) {
		t.Parallel()
		var b bytes.Buffer
		if _, err := tenant.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		again, err := logtotest.Load(&b)
		if err != nil {
			t.Fatal(err)
		}
		want, have := tables(tenant), tables(again)
		for _, computed := range []string{"organization_invitations", "one_time_tokens"} {
			delete(want, computed) // their status depends on the clock
			delete(have, computed)
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("tables (-written +loaded):\n%.2000s", diff)
		}
	})
	t.Run("half of the users share 8 timestamps", func(t *testing.T) {
		t.Parallel()
		at := map[any]int{}
		for _, r := range tenant.Rows("users") {
			at[r["created_at"]]++
		}
		shared, groups := 0, 0
		for _, n := range at {
			if n > 1 {
				shared += n
				groups++
			}
		}
		if shared != 200 || groups != 8 {
			t.Errorf("%d users share %d timestamps", shared, groups)
		}
	})
	t.Run("no table is empty but the domains", func(t *testing.T) {
		t.Parallel()
		for _, name := range tenant.Tables() {
			if n := tenant.Count(name); n == 0 != (name == "domains") || n != len(tenant.Rows(name)) {
				t.Errorf("%s has %d rows, Rows %d", name, n, len(tenant.Rows(name)))
			}
		}
	})
	t.Run("there are secrets to leak", func(t *testing.T) {
		t.Parallel()
		joined := strings.Join(tenant.Secrets(), " ")
		for _, want := range []string{"pat_", "sso-", "smtp-", "Bearer hook-", "internal:"} {
			if !strings.Contains(joined, want) {
				t.Errorf("no secret with %q", want)
			}
		}
	})
}

func TestIDsAreThoseOfTheRows(t *testing.T) {
	t.Parallel()
	tenant := logtotest.Generate(logtotest.Options{Users: 20})
	for _, table := range []string{"users", "organizations", "roles"} {
		var want []string
		for _, r := range tenant.Rows(table) {
			want = append(want, r["id"].(string))
		}
		if diff := cmp.Diff(want, tenant.IDs(table)); diff != "" || len(want) == 0 {
			t.Errorf("%s (-rows +ids):\n%s", table, diff)
		}
	}
}

func TestCascades(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		table string
		left  map[string]string // by table, the column that may not have the id any more
	}{
		"a user takes roles, memberships, invitations and tokens along": {"users", map[string]string{
			"users_roles": "user_id", "organization_user_relations": "user_id", "organization_role_user_relations": "user_id",
			"organization_invitations": "inviter_id", "personal_access_tokens": "user_id", "user_sso_identities": "user_id",
		}},
		"an organization takes memberships, invitations and settings along": {"organizations", map[string]string{
			"organization_user_relations": "organization_id", "organization_role_user_relations": "organization_id",
			"organization_invitations": "organization_id", "organization_jit_roles": "organization_id",
			"organization_application_relations": "organization_id", "organization_role_application_relations": "organization_id",
		}},
		"a role takes assignments and scopes along": {"roles", map[string]string{
			"users_roles": "role_id", "roles_scopes": "role_id", "applications_roles": "role_id",
		}},
		"a resource takes its scopes along": {"resources", map[string]string{"scopes": "resource_id"}},
		"an organization role takes every grant along": {"organization_roles", map[string]string{
			"organization_role_user_relations": "organization_role_id", "organization_role_scope_relations": "organization_role_id",
			"organization_jit_roles": "organization_role_id", "organization_invitation_role_relations": "organization_role_id",
		}},
		"an application takes its secrets along": {"applications", map[string]string{
			"application_secrets": "application_id", "applications_roles": "application_id", "organization_application_relations": "application_id",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := logtotest.Generate(logtotest.Options{Users: 60, Organizations: 20})
			had := 0
			for _, r := range tenant.Rows(tc.table) {
				id := r["id"].(string)
				for table, col := range tc.left {
					had += having(tenant, table, col, id)
				}
				check(t, tenant.Delete(tc.table, id))
				for table, col := range tc.left {
					if n := having(tenant, table, col, id); n > 0 {
						t.Errorf("%s has %d rows of the deleted %s", table, n, id)
					}
				}
			}
			if had == 0 {
				t.Error("nothing to cascade to")
			}
			if n := tenant.Count(tc.table); n > 0 {
				t.Errorf("%d rows left", n)
			}
			for _, table := range tenant.Tables() {
				if n, rows := tenant.Count(table), tenant.Rows(table); n != len(rows) {
					t.Errorf("%s counts %d rows and has %d", table, n, len(rows))
				}
			}
		})
	}
}

func TestCascadesGoOn(t *testing.T) {
	t.Parallel()
	tenant := logtotest.Generate(logtotest.Options{Users: 60, Organizations: 20})
	for _, r := range tenant.Rows("resources") {
		check(t, tenant.Delete("resources", r["id"].(string)))
	}
	for _, table := range []string{"scopes", "roles_scopes", "organization_role_resource_scope_relations"} {
		if n := tenant.Count(table); n > 0 {
			t.Errorf("%d rows of %s outlive every resource", n, table)
		}
	}
	for _, r := range tenant.Rows("organization_application_relations") {
		check(t, tenant.Unlink("organization_application_relations", r))
	}
	if n := tenant.Count("organization_role_application_relations"); n > 0 {
		t.Errorf("%d roles of applications outlive their organizations", n)
	}
	for _, r := range tenant.Rows("organization_user_relations") {
		check(t, tenant.RemoveMember(r["organization_id"].(string), r["user_id"].(string)))
	}
	if n := tenant.Count("organization_role_user_relations"); n > 0 {
		t.Errorf("%d roles of members outlive their memberships", n)
	}
}

func having(tenant *logtotest.Tenant, table, col, id string) int {
	n := 0
	for _, r := range tenant.Rows(table) {
		if r[col] == id {
			n++
		}
	}
	return n
}

func TestUnknownIDs(t *testing.T) {
	t.Parallel()
	tenant := logtotest.Generate(logtotest.Options{Users: 5})
	user, org := tenant.Rows("users")[0]["id"].(string), tenant.Rows("organizations")[0]["id"].(string)
	for name, do := range map[string]func() error{ //nolint:paralleltest // nothing may have changed when all are through
		"delete user":         func() error { return tenant.DeleteUser("nope") },
		"delete users":        func() error { return tenant.DeleteUsers(user, "nope") },
		"update user":         func() error { return tenant.UpdateUser("nope", logtotest.Row{"name": "x"}) },
		"unknown column":      func() error { return tenant.UpdateUser(user, logtotest.Row{"nope": "x"}) },
		"delete organization": func() error { return tenant.DeleteOrganization("nope") },
		"member of nothing":   func() error { return tenant.AddMember("nope", user) },
		"member nobody":       func() error { return tenant.AddMember(org, "nope") },
		"role to nobody":      func() error { return tenant.AssignRole("nope", "admin-role") },
		"unknown role":        func() error { return tenant.AssignRole(user, "nope") },
		"not a member":        func() error { return tenant.RemoveMember(org, "nope") },
		"not assigned":        func() error { return tenant.UnassignRole(user, "admin-role") },
		"unknown resource":    func() error { _, err := tenant.CreateScope("nope", logtotest.Row{"name": "x"}); return err },
		"unknown invitation":  func() error { return tenant.DeleteInvitation("nope") },
	} {
		t.Run(name, func(t *testing.T) {
			if err := do(); !errors.Is(err, logtotest.ErrUnknown) {
				t.Errorf("error %v, want ErrUnknown", err)
			}
		})
	}
	if tenant.Count("users") != 5 {
		t.Error("a failed deletion deleted somebody")
	}
}
