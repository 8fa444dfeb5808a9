package mirror_test

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

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
