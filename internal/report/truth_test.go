package report_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/logtotest"
)

// A row is what a view should show, tenant_id left out.
type row = map[string]any

// truth answers from the tenant's own tables what the views should show.
type truth struct {
	*logtotest.Tenant
	users, roles, scopes, resources, applications, organizations, organizationRoles, organizationScopes map[any]row
	grants, organizationGrants, resourceGrants                                                          map[any][]row // by role
}

func newTruth(tenant *logtotest.Tenant) *truth {
	tr := &truth{Tenant: tenant}
	for table, into := range map[string]*map[any]row{
		"users": &tr.users, "roles": &tr.roles, "scopes": &tr.scopes, "resources": &tr.resources, "applications": &tr.applications,
		"organizations": &tr.organizations, "organization_roles": &tr.organizationRoles, "organization_scopes": &tr.organizationScopes,
	} {
		*into = map[any]row{}
		for _, r := range tenant.Rows(table) {
			(*into)[r["id"]] = row(r)
		}
	}
	maps.DeleteFunc(tr.roles, func(_ any, r row) bool { return strings.HasPrefix(r["name"].(string), "#internal:") })
	tr.grants = grouped(tr.where("roles_scopes", nil), "role_id")
	tr.organizationGrants = grouped(tr.where("organization_role_scope_relations", nil), "organization_role_id")
	tr.resourceGrants = grouped(tr.where("organization_role_resource_scope_relations", nil), "organization_role_id")
	return tr
}

// where lists the rows of a table that have all these values, but for those of
// roles that Logto does not list.
func (tr *truth) where(table string, has row) []row {
	var out []row
	for _, r := range tr.Rows(table) {
		fits := r["role_id"] == nil || tr.roles[r["role_id"]] != nil
		for column, value := range has {
			fits = fits && r[column] == value
		}
		if fits {
			out = append(out, row(r))
		}
	}
	return out
}

// holder is what people call a user.
func holder(user row) any {
	for _, column := range []string{"primary_email", "username", "primary_phone", "name"} {
		if user[column] != nil {
			return user[column]
		}
	}
	return nil
}

func grouped(rows []row, columns ...string) map[any][]row {
	out := map[any][]row{}
	for _, r := range rows {
		key := r[columns[0]]
		if len(columns) == 2 {
			key = [2]any{r[columns[0]], r[columns[1]]}
		}
		out[key] = append(out[key], r)
	}
	return out
}

// namesOf lists the names of what the rows refer to.
func namesOf(rows []row, column string, in map[any]row) []any {
	out := []any{}
	for _, r := range rows {
		out = append(out, in[r[column]]["name"])
	}
	return out
}

// at is a time of the tenant to the millisecond, as the API shows it.
func at(v any) time.Time {
	t, err := time.Parse(time.RFC3339Nano, v.(string))
	if err != nil {
		panic(err)
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// pick takes columns of a row; "new=old" renames.
func pick(r row, columns ...string) row {
	out := row{}
	for _, column := range columns {
		to, from, renamed := strings.Cut(column, "=")
		if !renamed {
			from = to
		}
		out[to] = r[from]
	}
	return out
}

// with adds members to a row.
func with(r row, more row) row {
	maps.Copy(r, more)
	return r
}

// canonical writes rows in one way, sorted.
func canonical(rows []row) []string {
	var out []string
	for _, r := range rows {
		for key, value := range r {
			if text, ok := value.(string); ok && strings.HasSuffix(key, "_at") {
				r[key] = at(text).UnixMilli()
			}
			if list, ok := value.([]any); ok {
				slices.SortFunc(list, func(a, b any) int { return cmp.Compare(a.(string), b.(string)) })
			}
		}
		text, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		out = append(out, string(text))
	}
	slices.Sort(out)
	return out
}

// shown reads a view or function, tenant_id left out.
func shown(t *testing.T, pool *pgxpool.Pool, source string) []row {
	t.Helper()
	found, _ := pool.Query(t.Context(), "with v as materialized (select * from report."+source+" where tenant_id = '"+acme+"') select to_jsonb(v) - 'tenant_id' from v")
	rows, err := pgx.CollectRows(found, pgx.RowTo[row])
	if err != nil {
		t.Fatalf("read %s: %v", source, err)
	}
	return rows
}

// everyView computes the views and functions.
func everyView() map[string]func(*truth) []row {
	views := map[string]func(*truth) []row{}
	maps.Copy(views, peopleViews())
	maps.Copy(views, accessViews())
	maps.Copy(views, organizationViews())
	maps.Copy(views, countViews())
	return views
}

func TestAViewShowsWhatThePlainComputationSays(t *testing.T) {
	t.Parallel()
	pool, tr := mirrored(t), newTruth(recorded(t))
	for source, compute := range everyView() {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			want, got := canonical(compute(tr)), canonical(shown(t, pool, source))
			if len(want) == 0 {
				t.Error("the computation says there is nothing: this would compare nothing")
			}
			diff := gocmp.Diff(want, got)
			if len(diff) > 3000 {
				diff = diff[:3000] + "..."
			}
			if diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
