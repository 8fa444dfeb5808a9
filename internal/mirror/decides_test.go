package mirror_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
	"logto-syncer/internal/mirror/mirrortest"
)

// mostPrivate drops every column that a rule may be for.
func (b *bench) mostPrivate(t *testing.T) load.Privacy {
	t.Helper()
	loader, err := load.Open(t.Context(), b.pool, b.job.Tenant, catalog.All())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := b.pool.Query(t.Context(), `select table_name, column_name from information_schema.columns where table_schema = 'logto' order by 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	all := load.Privacy{Rules: map[string]map[string]load.Rule{}}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		drop := map[string]map[string]load.Rule{table: {column: {Drop: true}}}
		if len((load.Privacy{Rules: drop}).Check(loader)) > 0 {
			continue
		}
		if all.Rules[table] == nil {
			all.Rules[table] = map[string]load.Rule{}
		}
		all.Rules[table][column] = load.Rule{Drop: true}
	}
	if rows.Err() != nil || len(all.Rules) < 10 {
		t.Fatalf("rules for %d tables, %v", len(all.Rules), rows.Err())
	}
	return all
}

// whoMay is who holds which permission, and who can use it.
const whoMay = `select concat_ws(' ', tenant_id, scope, indicator, organization_id, through, role_id, role, holder_type, holder_id, is_suspended)
from report.permission_holders
union all select concat_ws(' ', 'no owner', tenant_id, organization_id, members, suspended_holders) from report.organizations_without('admin')
union all select concat_ws(' ', 'no access', tenant_id, user_id, is_suspended) from report.users_without_access
order by 1`

// This is how a new reader of a column is found: under all rules that are
// allowed, at once, everything is read that is read without, and questions of
// access have the same answers.
func TestNoPrivacyRuleThatIsAllowedChangesWhatIsReadOrWhoHasAccess(t *testing.T) {
	t.Parallel()
	without, under := setup(t, recorded(t), catalog.Names()...), setup(t, recorded(t), catalog.Names()...)
	under.job.Privacy = under.mostPrivate(t)
	without.runner.Log, under.runner.Log = silent(), silent()
	for _, run := range []string{"the first run", "the second run"} {
		want, got := without.run(t), under.run(t)
		wantProved(t, got)
		for i, c := range got.Listings {
			w := want.Listings[i]
			if c.Parents != w.Parents || c.Distinct != w.Distinct || c.Listing == "logs" && c.Requests > w.Requests+1 {
				t.Errorf("%s, %s: %d rows of %d parents in %d requests under the rules, %d of %d in %d without",
					run, c.Listing, c.Distinct, c.Parents, c.Requests, w.Distinct, w.Parents, w.Requests)
			}
		}
		for _, l := range catalog.All() {
			for _, table := range l.Tables() {
				a, err := mirrortest.MirroredKeys(t.Context(), without.pool, without.job.Tenant, table)
				if err != nil {
					t.Fatal(err)
				}
				b, err := mirrortest.MirroredKeys(t.Context(), under.pool, under.job.Tenant, table)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(a, b); diff != "" {
					t.Errorf("%s: rows of %s without (-) and under (+) the rules:\n%s", run, table.Name, diff)
				}
			}
		}
	}
	answers := under.answers(t, whoMay)
	if !strings.Contains(answers, "organization role") || !strings.Contains(answers, "no access") {
		t.Fatal("nobody holds a permission, or everybody: the test would prove nothing")
	}
	if diff := cmp.Diff(without.answers(t, whoMay), answers); diff != "" {
		t.Errorf("who has access, without (-) and under (+) the rules:\n%s", diff)
	}
}

func (b *bench) answers(t *testing.T, sql string) (text string) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), "select coalesce(string_agg(x, e'\\n'), '') from ("+sql+") q (x)").Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}
