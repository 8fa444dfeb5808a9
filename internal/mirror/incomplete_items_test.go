package mirror_test

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
)

// stripFields puts something before the server that leaves fields out of what
// the paths beginning so list: it renames them. It returns how to end that.
func (b *bench) stripFields(t *testing.T, prefix string, fields ...string) (end func()) {
	t.Helper()
	var ended atomic.Bool
	b.behind(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if ended.Load() || !strings.HasPrefix(r.URL.Path, prefix) {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		for _, field := range fields {
			body = bytes.ReplaceAll(body, []byte(`"`+field+`":`), []byte(`"not`+field+`":`))
		}
		maps.Copy(w.Header(), answer.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body)
	})
	return func() { ended.Store(true) }
}

func TestAFieldThatIsDroppedOnTheWayDeletesNothingAndIsNoProof(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		listing, prefix string
		fields          []string
		tables          []string // filled from the fields
	}{
		{"users", "/api/users", []string{"identities"}, []string{"user_identities"}},
		{"resources", "/api/resources", []string{"scopes"}, []string{"scopes", "role_scopes"}},
		{"organization_roles", "/api/organization-roles", []string{"scopes", "resourceScopes"}, []string{"organization_role_scopes", "organization_role_resource_scopes"}},
		{"organization_users", "/api/organizations/", []string{"organizationRoles"}, []string{"organization_user_roles"}},
	} {
		t.Run(tc.listing, func(t *testing.T) {
			t.Parallel()
			b := setup(t, recorded(t), tc.listing, "role_scopes")
			b.runner.Log = silent()
			wantProved(t, b.run(t))
			before := map[string]int{}
			for _, table := range tc.tables {
				if before[table] = b.count(t, table); before[table] == 0 {
					t.Fatalf("%s has no rows: the test would prove nothing", table)
				}
			}
			end := b.stripFields(t, tc.prefix, tc.fields...)
			s := b.run(t)
			if c := certificate(s, tc.listing); c.Proof != "not proved" || !strings.Contains(c.Reason, tc.fields[0]) {
				t.Errorf("%s is %s, %s", tc.listing, c.Proof, c.Reason)
			}
			for _, table := range tc.tables {
				if n := b.count(t, table); n != before[table] {
					t.Errorf("%s has %d rows, %d before", table, n, before[table])
				}
			}
			end()
			wantProved(t, b.run(t))
			b.wantEqual(t)
		})
	}
}

func TestAPlainFieldThatAnOlderServerDoesNotSendIsNullAndProved(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 30, Seed: 5}), "users")
	b.stripFields(t, "/api/users", "hasPassword")
	wantProved(t, b.run(t))
	var filled int
	if err := b.pool.QueryRow(t.Context(), "select count(has_password) from logto.users").Scan(&filled); err != nil || filled != 0 {
		t.Errorf("has_password is filled in %d rows, %v", filled, err)
	}
}

// Logto answers for one organization role without its permissions.
func TestAnOrganizationRoleMadeDuringTheRunComesWithItsPermissions(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Organizations: 3, Seed: 52}), "organization_users")
	tenant := b.server.Tenant
	wantProved(t, b.run(t))
	read := make(chan struct{}) // organization roles are
	made := make(chan time.Time, 1)
	var listed, members sync.Once
	b.behind(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if strings.HasPrefix(r.URL.Path, "/api/organizations/") && strings.HasSuffix(r.URL.Path, "/users") {
			members.Do(func() {
				select {
				case <-read:
				case <-time.After(time.Minute):
					t.Error("the organization roles were not asked for")
				}
				addMemberWithNewRole(t, tenant)
				made <- time.Now()
			})
		}
		next.ServeHTTP(w, r)
		if r.URL.Path == "/api/organization-roles" {
			listed.Do(func() { close(read) })
		}
	})
	s := b.run(t)
	wantProved(t, s)
	b.wantEqual(t)
	if at, made := certificate(s, "organization_roles").ReadAt, <-made; at.Before(made) {
		t.Errorf("read at %v, want after %v, when the role was made", at, made)
	}
}

func TestElementsThatAreWithheldDoNotMakeFewerItemsUnchanged(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Organizations: 3, Seed: 52}), "organization_users")
	addMemberWithNewRole(t, b.server.Tenant)
	b.behind(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path == "/api/organization-roles" {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Total-Number", "0")
			_, _ = w.Write([]byte("[]"))
			return
		}
		next.ServeHTTP(w, r)
	})
	wantProved(t, b.run(t))
	s := b.run(t)
	c := certificate(s, "organization_users")
	if c.Unchanged != int64(c.Distinct) || len(c.Notes) == 0 {
		t.Errorf("%d of %d members unchanged, notes %v; want all, and a note of what is withheld", c.Unchanged, c.Distinct, c.Notes)
	}
}

// addMemberWithNewRole makes an organization role with a permission, and a user
// who has it.
func addMemberWithNewRole(t *testing.T, tenant *logtotest.Tenant) {
	t.Helper()
	role, err := tenant.Insert("organization_roles", logtotest.Row{"name": "Late", "type": "User"})
	if err != nil {
		t.Error(err)
	}
	permission := tenant.IDs("organization_scopes")[0]
	if _, err := tenant.Insert("organization_role_scope_relations", logtotest.Row{"organization_role_id": role, "organization_scope_id": permission}); err != nil {
		t.Error(err)
	}
	user, err := tenant.CreateUser(logtotest.Row{"name": "Late"})
	if err != nil {
		t.Error(err)
	}
	for _, organization := range tenant.IDs("organizations") {
		if err := tenant.AddMember(organization, user, role); err != nil {
			t.Error(err)
		}
	}
}
