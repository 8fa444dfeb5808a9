package report_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/report"
)

// discard is a renderer that nobody reads.
type discard struct{}

func (discard) Begin([]report.Column) error { return nil }
func (discard) Row([]any) error             { return nil }
func (discard) End() error                  { return nil }

// required returns values for the parameters that a report needs.
func required(r *report.Report) map[string]string {
	args := map[string]string{"tenant": acme}
	for _, p := range r.Params {
		if p.Required {
			args[p.Name] = examples()[p.Name]
		}
	}
	return args
}

// Texts that name nothing, and may be any: what they are compared with is free
// text.
func freeText() []string {
	return []string{"search_users.query", "search_users.email_domain", "erasures.user_id"}
}

// No value of any parameter of any report is ignored: a mistake is an
// ArgumentError that names the parameter, not an empty answer and not a text of
// Postgres'.
func TestAMistakenValueOfAnyParameterIsToldByName(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	all, err := report.List("")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		for _, p := range r.Params {
			name := r.Name + "." + p.Name
			args := required(r)
			args[p.Name] = "nosuchthing'"
			_, err := report.Run(t.Context(), pool, r, report.RunOptions{Args: args}, discard{})
			wrong, ok := errors.AsType[*report.ArgumentError](err)
			free := strings.Contains(strings.Join(freeText(), " "), name)
			switch {
			case free && err != nil:
				t.Errorf("%s is free text, error %v", name, err)
			case !free && !ok:
				t.Errorf("%s: error %v, want one about the argument", name, err)
			case !free && wrong.Param != p.Name && p.Name != "custom_data_path": // which Postgres reads inside of the query
				t.Errorf("%s: the error is about %q: %v", name, wrong.Param, err)
			case !free && strings.Contains(err.Error(), "SQLSTATE"):
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// The same of functions: a text that names something is looked for before it is
// compared.
func TestAFunctionRefusesANameThatNothingHas(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	rows, _ := pool.Query(t.Context(), `select p.proname || ' ' || a.name
		from pg_proc p
		cross join unnest(p.proargnames, p.proargmodes, p.proallargtypes) a (name, mode, type)
		where p.pronamespace = 'report'::regnamespace and p.proretset and coalesce(a.mode, 'i') = 'i' and a.type = 'text'::regtype
		order by 1`)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]string{
		"active_users_at tenant":                  "active_users_at('infinity', $1)",
		"dormant_users_at tenant":                 "dormant_users_at('infinity', tenant => $1)",
		"erasures_of user_id":                     "erasures_of($1 || '@example.org')",
		"tenants_known_at tenant":                 "tenants_known_at('infinity', $1)",
		"erasures_of tenant":                      "erasures_of('x', $1)",
		"access_changes tenant":                   "access_changes('-infinity', tenant => $1)",
		"access_changes only_holder":              "access_changes('-infinity', only_holder => $1)",
		"access_changes only_organization":        "access_changes('-infinity', only_organization => $1)",
		"changes_between tenant":                  "changes_between('-infinity', 'infinity', tenant => $1)",
		"changes_between changed_table":           "changes_between('-infinity', 'infinity', changed_table => $1)",
		"ids_named name":                          "ids_named('role', $1)",
		"ids_named kind":                          "ids_named($1, 'support')",
		"ids_named tenant":                        "ids_named('role', 'support', $1)",
		"organization_members_at organization":    "organization_members_at($1, 'infinity')",
		"organization_members_at tenant":          "organization_members_at('Feed Org', 'infinity', $1)",
		"organizations_without organization_role": "organizations_without($1)",
		"organizations_without tenant":            "organizations_without('owner', $1)",
		"role_holders_at role":                    "role_holders_at($1, 'infinity')",
		"role_holders_at tenant":                  "role_holders_at('support', 'infinity', $1)",
		"search_users match":                      "search_users('x', match => $1)",
		"search_users tenant":                     "search_users(tenant => $1)",
		"search_users role":                       "search_users(role => $1)",
		"search_users organization":               "search_users(organization => $1)",
		"search_users organization_role":          "search_users(organization_role => $1)",
		// Inside of others, or free text.
		"table_changes tenant": "", "table_changes changed_table": "", "every_row_of_user tenant": "", "every_row_of_user user_id": "", "search_users query": "", "search_users email_domain": "",
		"rows_of_user tenant": "rows_of_user($1, 'duplicate001')", "rows_of_user user_id": "rows_of_user('acme', $1)",
	}
	for _, name := range found {
		call, known := calls[name]
		if !known {
			t.Errorf("%s: a text is not in this test: what if it names nothing?", name)
		}
		if call == "" {
			continue
		}
		_, err := pool.Exec(t.Context(), "select * from report."+call, "nosuchthing")
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "LS003" {
			t.Errorf("%s: error %v, want one about the name", call, err)
		}
	}
}

// Of several tenants one has to be named, or all.
func TestAReportAsksForTheTenantWhereThereAreSeveral(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, twoNights)
	all, err := report.List("")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		args := required(r)
		for name, value := range map[string]string{"who": "dora00000001", "organization": "Vandelay Inc. 3"} {
			if _, needed := args[name]; needed {
				args[name] = value
			}
		}
		delete(args, "tenant")
		_, err := report.Run(t.Context(), pool, r, report.RunOptions{Args: args}, discard{})
		if wrong, ok := errors.AsType[*report.ArgumentError](err); !ok || wrong.Param != "tenant" || !strings.Contains(err.Error(), "acme, globex") {
			t.Errorf("%s without a tenant: error %v", r.Name, err)
		}
		for _, tenant := range []string{acme, strings.ToUpper(acme)} {
			args["tenant"] = tenant
			wantTenants(t, pool, r, args, acme)
		}
		args["tenant"] = report.AllTenants
		wantTenants(t, pool, r, args, acme, globex)
	}
}

// wantTenants fails if the rows of a report are of other tenants, or do not say
// of which.
func wantTenants(t *testing.T, pool *pgxpool.Pool, r *report.Report, args map[string]string, tenants ...string) {
	t.Helper()
	seen := &tenantsSeen{}
	_, err := report.Run(t.Context(), pool, r, report.RunOptions{Args: args, Wide: true}, seen)
	if _, ambiguous := errors.AsType[*report.ArgumentError](err); ambiguous && len(tenants) > 1 {
		return // the same name in both: one has to be named
	}
	if err != nil {
		t.Errorf("%s of %s: %v", r.Name, args["tenant"], err)
		return
	}
	if seen.first != "tenant_id" {
		t.Errorf("%s: the first column is %s", r.Name, seen.first)
	}
	for tenant := range seen.of {
		if !strings.Contains(strings.Join(tenants, " "), tenant) {
			t.Errorf("%s of %s has rows of %s", r.Name, args["tenant"], tenant)
		}
	}
}

// tenantsSeen notes which tenants rows are of.
type tenantsSeen struct {
	first string
	of    map[string]bool
}

func (s *tenantsSeen) Begin(columns []report.Column) error {
	s.first, s.of = columns[0].Name, map[string]bool{}
	return nil
}

func (s *tenantsSeen) Row(values []any) error {
	tenant, _ := values[0].(string)
	s.of[tenant] = true
	return nil
}

func (*tenantsSeen) End() error { return nil }
