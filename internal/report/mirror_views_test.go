package report_test

import (
	"regexp"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/report/reporttest"
)

// access lists who holds what, as access_history has it of today.
func (tr *truth) access() (out []row) {
	for _, edge := range []struct{ kind, holder, column, table string }{
		{"role", "user", "user_id", "users_roles"},
		{"role", "application", "application_id", "applications_roles"},
		{"membership", "user", "user_id", "organization_user_relations"},
		{"membership", "application", "application_id", "organization_application_relations"},
		{"organization role", "user", "user_id", "organization_role_user_relations"},
		{"organization role", "application", "application_id", "organization_role_application_relations"},
	} {
		for _, r := range tr.where(edge.table, nil) {
			role := r["role_id"]
			if edge.kind == "organization role" {
				role = r["organization_role_id"]
			}
			out = append(out, row{
				"kind": edge.kind, "holder_type": edge.holder, "holder_id": r[edge.column], "role_id": role, "organization_id": r["organization_id"],
			})
		}
	}
	return out
}

// wantSame fails unless two lists of rows are the same, in any order.
func wantSame(t *testing.T, want, got []row) {
	t.Helper()
	if len(want) == 0 {
		t.Error("nothing is wanted: this compares nothing")
	}
	if diff := gocmp.Diff(canonical(want), canonical(got)); diff != "" {
		t.Errorf("(-want +got):\n%.3000s", diff)
	}
}

// only keeps some columns.
func only(rows []row, columns ...string) (out []row) {
	for _, r := range rows {
		out = append(out, pick(r, columns...))
	}
	return out
}

func TestAccessHistoryHoldsWhatIs(t *testing.T) {
	t.Parallel()
	pool, tr := mirrored(t), newTruth(recorded(t))
	got := shown(t, pool, "access_history")
	for _, r := range got {
		if r["valid_to"] != nil || r["valid_from"] != nil || r["history_since"] == nil {
			t.Errorf("ended, or said to have begun: %v", r)
		}
	}
	wantSame(t, tr.access(), only(got, "kind", "holder_type", "holder_id", "role_id", "organization_id"))
}

func TestNamesHoldEveryNameThereIs(t *testing.T) {
	t.Parallel()
	pool, tr := mirrored(t), newTruth(recorded(t))
	var want []row
	for kind, rows := range map[string]map[any]row{
		"application": tr.applications, "role": tr.roles, "organization role": tr.organizationRoles, "organization": tr.organizations, "user": tr.users,
	} {
		for id, r := range rows {
			name := r["name"]
			if kind == "user" {
				name = holder(r)
			}
			want = append(want, row{"kind": kind, "id": id, "name": name, "valid_to": nil})
		}
	}
	wantSame(t, want, shown(t, pool, "names"))
}

// What the first run finds was there before: it is the beginning of the past
// and no change.
func TestTheFirstRunIsNoChange(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	for _, source := range []string{"changed_since_yesterday", "changes_between('-infinity', 'infinity')", "access_changes('-infinity')"} {
		if rows := shown(t, pool, source); len(rows) > 0 {
			t.Errorf("%s: %d rows, such as %v", source, len(rows), rows[0])
		}
	}
}

// Every change between two readings of the tenant is there, with the row as it
// was and as it became.
func TestChangesAreThoseOfTheTables(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, twoNights)
	want, got := map[string]int{}, map[string]int{}
	for _, l := range catalog.All() {
		for _, table := range l.Tables() {
			var inserted, ended int
			err := pool.QueryRow(t.Context(), "select (select count(*) from logto."+table.Name+" where tenant_id = 'acme' and valid_from > '2026-11-01 02:00+00'), "+
				"(select count(*) from logto_history."+table.Name+" where tenant_id = 'acme')").Scan(&inserted, &ended)
			if err != nil {
				t.Fatal(err)
			}
			if n := inserted + ended; n > 0 {
				want[table.Name] = n
			}
		}
	}
	for _, r := range shown(t, pool, "changes_between('-infinity', 'infinity')") {
		table := r["table_name"].(string)
		got[table]++
		if r["change"] == "updated" {
			got[table]++ // a version that ended, and one that began
		}
		for column, value := range r["key"].(row) {
			for _, version := range []any{r["before"], r["after"]} {
				if version != nil && version.(row)[column] != value {
					t.Errorf("key %v of %v", r["key"], version)
				}
			}
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("versions that began or ended, by table (-want +got):\n%s", diff)
	}
}

func TestFreshnessTellsWhatTheLastRunProved(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, twoNights)
	night := time.Date(2026, 11, 2, 2, 0, 0, 0, time.UTC)
	rows, certificates := shown(t, pool, "freshness"), shown(t, pool, "certificates")
	var want []row
	for _, name := range catalog.Names() {
		if name == "logs" { // is read by windows of time
			continue
		}
		var n int
		if err := pool.QueryRow(t.Context(), "select count(*) from "+pgx.Identifier{"logto", name}.Sanitize()+" where tenant_id = $1", acme).Scan(&n); err != nil {
			t.Fatal(err)
		}
		want = append(want, row{
			"listing": name, "proof": "complete", "reason": nil, "distinct_ids": n, "run_id": 2,
			"followed_until": nil, "followed_sources": nil, "followed_gap": nil,
			"state": "proved", "is_optional": catalog.Find(name).Optional, "table_names": tableNames(name),
			"read_at": night.Format(time.RFC3339), "published_at": night.Format(time.RFC3339), "last_proved_at": night.Format(time.RFC3339),
		})
	}
	var got []row
	for _, r := range rows {
		if r["listing"] != "logs" {
			got = append(got, r)
		}
	}
	wantSame(t, want, got)
	if len(certificates) != 2*len(rows) {
		t.Errorf("%d certificates of 2 runs of %d listings", len(certificates), len(rows))
	}
	wantSame(t, []row{
		{"run_id": 1, "status": "succeeded", "mode": "run", "published_at": night.AddDate(0, 0, -1).Format(time.RFC3339)},
		{"run_id": 2, "status": "succeeded", "mode": "run", "published_at": night.Format(time.RFC3339)},
	}, only(shown(t, pool, "runs"), "run_id", "status", "mode", "published_at"))
	wantSame(t, []row{{"first_published_at": night.AddDate(0, 0, -1).Format(time.RFC3339), "last_published_at": night.Format(time.RFC3339)}},
		only(shown(t, pool, "tenants"), "first_published_at", "last_published_at"))
}

func tableNames(listing string) []any {
	names := []any{}
	for _, t := range catalog.Find(listing).Tables() {
		names = append(names, t.Name)
	}
	return names
}

func TestAMomentIsAnsweredAsOfTheRunBefore(t *testing.T) {
	t.Parallel()
	pool, tenant := pgtest.NewPool(t, twoNights), generated()
	var holders []int // on the first and on the second day
	for _, day := range []func(*logtotest.Tenant) error{reporttest.SeedFirstDay, reporttest.ApplySecondDay} {
		if err := day(tenant); err != nil {
			t.Fatal(err)
		}
		holders = append(holders, len(newTruth(tenant).where("users_roles", row{"role_id": reporttest.IDByName(tenant, "roles", "finance")})))
	}
	for source, want := range map[string]int{
		"role_holders_at('finance', '2026-11-01 02:00+00')":            holders[0],
		"role_holders_at('finance', '2026-11-02 01:59+00')":            holders[0],
		"role_holders_at('finance', '2026-11-02 02:00+00')":            holders[1],
		"access_changes('2026-11-01 02:00+00', '2026-11-02 02:00+00')": 8,
		"access_changes('2026-11-02 02:00+00')":                        0,
		"changes_between('2026-11-02 02:00+00', 'infinity')":           0,
	} {
		if got := len(shown(t, pool, source)); got != want {
			t.Errorf("%s: %d, want %d", source, got, want)
		}
	}
	for _, source := range []string{"role_holders_at('finance', '2026-10-31')", "organization_members_at('Vandelay Inc. 3', '2026-10-31')"} {
		if _, err := pool.Exec(t.Context(), "select * from report."+source); err == nil || !beforeThePast.MatchString(err.Error()) {
			t.Errorf("%s, before the first run: error %v", source, err)
		}
	}
	wantSame(t, []row{{"holder": "Dora@example.org", "organization_roles": []any{"admin", "member"}}},
		membersAt(t, pool, "Vandelay Inc. 3", "2026-11-02 01:59+00", "dora00000001"))
	wantSame(t, []row{{"holder": "Dora@example.org", "organization_roles": []any{"member"}}},
		membersAt(t, pool, "Vandelay Inc. 3", "2026-11-02 02:00+00", "dora00000001"))
	wantSame(t, []row{{"holder": "rolf@example.org", "organization_roles": []any{"member"}}},
		membersAt(t, pool, "Initech Inc. 4", "2026-11-02 01:59+00", "gone00000001"))
	if gone := membersAt(t, pool, "Initech Inc. 4", "2026-11-02 02:00+00", "gone00000001"); gone != nil {
		t.Errorf("still there: %v", gone)
	}
}

// beforeThePast is the refusal for one of the document's two tenants.
var beforeThePast = regexp.MustCompile(`(acme: no answer before 2026-11-01|globex: no answer before 2026-11-02) 02:00:00`)

// membersAt returns what a user was in an organization at a moment.
func membersAt(t *testing.T, pool *pgxpool.Pool, organization, at, user string) (out []row) {
	t.Helper()
	for _, r := range shown(t, pool, "organization_members_at('"+organization+"', '"+at+"')") {
		if r["holder_id"] == user {
			out = append(out, pick(r, "holder", "organization_roles"))
		}
	}
	return out
}

// TestAViewOfNowIsItsFunctionAtNow compares in one transaction, in which now
// stays the same.
func TestAViewOfNowIsItsFunctionAtNow(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	for view, function := range map[string]string{"active_users": "active_users_at(now())", "dormant_users": "dormant_users_at(now(), 90)"} {
		var differ, n int
		err := pool.QueryRow(t.Context(), "select count(*) from ((table report."+view+" except select * from report."+function+
			") union all (select * from report."+function+" except table report."+view+")) d").Scan(&differ)
		if err == nil {
			err = pool.QueryRow(t.Context(), "select count(*) from report."+view).Scan(&n)
		}
		if err != nil || differ != 0 || n == 0 {
			t.Errorf("%s: %d rows, %d differ, error %v", view, n, differ, err)
		}
	}
}
