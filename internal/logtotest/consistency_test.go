package logtotest_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/logtotest"
)

// TestBothSidesTellTheSame reads every relation from both of its ends and
// compares with the tables, for every id there is.
func TestBothSidesTellTheSame(t *testing.T) {
	t.Parallel()
	for name, tenant := range map[string]*logtotest.Tenant{
		"recorded":  loadTenant(t),
		"generated": logtotest.Generate(logtotest.Options{Users: 150, Organizations: 12, Ties: true}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, tenant, logtotest.Orderly())
			for relation, ends := range map[string][2]end{
				"users_roles": {
					{"users", "user_id", "/api/users/%s/roles", "role_id"},
					{"roles", "role_id", "/api/roles/%s/users", "user_id"},
				},
				"organization_user_relations": {
					{"users", "user_id", "/api/users/%s/organizations", "organization_id"},
					{"organizations", "organization_id", "/api/organizations/%s/users", "user_id"},
				},
				"organization_application_relations": {
					{"applications", "application_id", "/api/applications/%s/organizations", "organization_id"},
					{"organizations", "organization_id", "/api/organizations/%s/applications", "application_id"},
				},
			} {
				want := pairs(tenant, relation, ends[0].column, ends[1].column)
				for i, e := range ends {
					got := e.read(t, s, i == 1)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s by %s (-table +listed):\n%.1000s", relation, e.path, diff)
					}
				}
			}
		})
	}
}

// An end is one side of a relation: for every row of table, path lists the
// other column.
type end struct{ table, column, path, other string }

func (e end) read(t *testing.T, s *logtotest.Server, swap bool) []string {
	t.Helper()
	var all []string
	bearer := token(t, s, "all")
	for _, r := range s.Tenant.Rows(e.table) {
		id := r["id"].(string)
		for page := 1; ; page++ {
			got := ask(t, s, http.MethodGet, fmt.Sprintf(e.path, id)+fmt.Sprintf("?page=%d&page_size=100", page), bearer)
			rows, _ := got.body.([]any)
			if got.status != http.StatusOK {
				t.Fatalf("%s of %s: %d %s", e.path, id, got.status, got.raw)
			}
			for _, other := range rows {
				pair := []string{id, other.(map[string]any)["id"].(string)}
				if swap {
					slices.Reverse(pair)
				}
				all = append(all, pair[0]+" "+pair[1])
			}
			if len(rows) < 100 || got.header.Get("Total-Number") == "" {
				break
			}
		}
	}
	slices.Sort(all)
	return all
}

func pairs(tenant *logtotest.Tenant, relation, a, b string) []string {
	var all []string
	for _, r := range tenant.Rows(relation) {
		all = append(all, r[a].(string)+" "+r[b].(string))
	}
	slices.Sort(all)
	return all
}
