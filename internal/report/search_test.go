package report_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
)

// search returns the ids found and the total, with the call's arguments as SQL.
func search(t *testing.T, pool *pgxpool.Pool, arguments string) (ids []string, total int) {
	t.Helper()
	if err := trySearch(t.Context(), pool, arguments, &ids, &total); err != nil {
		t.Fatalf("search %s: %v", arguments, err)
	}
	return ids, total
}

func trySearch(ctx context.Context, pool *pgxpool.Pool, arguments string, ids *[]string, total *int) error {
	rows, _ := pool.Query(ctx, "select user_id, total from report.search_users("+arguments+")")
	var id string
	_, err := pgx.ForEachRow(rows, []any{&id, total}, func() error {
		*ids = append(*ids, id)
		return nil
	})
	return err
}

func TestASearchFindsWhatAPlainOneDoes(t *testing.T) {
	t.Parallel()
	pool, tr := mirrored(t), newTruth(recorded(t))
	some := someUser(tr)
	in := func(s string) func(any) bool {
		return func(v any) bool { text, _ := v.(string); return strings.Contains(text, s) }
	}
	anyField := func(u row, fits func(any) bool) bool {
		return fits(u["username"]) || fits(u["primary_email"]) || fits(u["primary_phone"]) || fits(u["name"])
	}
	lower := func(fits func(any) bool) func(any) bool {
		return func(v any) bool { text, _ := v.(string); return text != "" && fits(strings.ToLower(text)) }
	}
	roles := grouped(tr.where("users_roles", nil), "user_id")
	orgs := grouped(tr.where("organization_user_relations", nil), "user_id")
	orgRoles := grouped(tr.where("organization_role_user_relations", nil), "user_id")
	holds := func(id any, name string) bool {
		return slices.Contains(namesOf(roles[id], "role_id", tr.roles), any(name))
	}
	role, org := busiest(tr.where("users_roles", nil), "role_id", tr.roles), busiest(tr.where("organization_user_relations", nil), "organization_id", tr.organizations)
	orgRole := busiest(tr.where("organization_role_user_relations", nil), "organization_role_id", tr.organizationRoles)
	part := strings.ToLower(some["name"].(string))[:3]

	for name, tc := range map[string]struct {
		arguments string
		fits      func(u row) bool
	}{
		"everybody":                 {"", func(row) bool { return true }},
		"what contains it":          {quoted(strings.ToUpper(part)) + ", 'contains'", func(u row) bool { return anyField(u, lower(in(part))) }},
		"what contains it, by case": {quoted(part) + ", 'contains', true", func(u row) bool { return anyField(u, in(part)) }},
		"what fuzzily is, by case":  {quoted(part) + ", 'fuzzy', true", func(u row) bool { return anyField(u, in(part)) }},
		"what begins with it": {quoted(part) + ", 'prefix'", func(u row) bool {
			return anyField(u, lower(func(v any) bool { return strings.HasPrefix(v.(string), part) }))
		}},
		"what is it":                  {quoted(strings.ToUpper(some["primary_email"].(string))) + ", 'exact'", func(u row) bool { return strings.EqualFold(text(u["primary_email"]), text(some["primary_email"])) }},
		"what is it, by case":         {quoted(strings.ToUpper(some["primary_email"].(string))) + ", 'exact', true", nil},
		"the duplicates but for case": {"'TWICE.born@example.org', 'exact'", func(u row) bool { return strings.HasPrefix(text(u["id"]), "duplicate00") && u["primary_email"] != nil }},
		"the whole id":                {quoted(some["id"].(string)) + ", 'exact'", func(u row) bool { return u["id"] == some["id"] }},
		"a percent sign as itself":    {"'%', 'contains'", func(u row) bool { return anyField(u, in("%")) }},
		"an underscore as itself":     {"'_', 'contains'", func(u row) bool { return anyField(u, in("_")) }},
		"a quote as itself":           {"$$' or true --$$, 'contains'", nil},
		"by custom data":              {`custom_data => '{"plan": "pro"}'`, func(u row) bool { return u["custom_data"].(row)["plan"] == "pro" }},
		"by a path of custom data":    {`custom_data_path => '$.plan != "pro"'`, func(u row) bool { p, ok := u["custom_data"].(row)["plan"]; return ok && p != "pro" }},
		"by role":                     {"role => " + quoted(role), func(u row) bool { return holds(u["id"], role) }},
		"by organization": {"organization => " + quoted(org), func(u row) bool {
			return slices.Contains(namesOf(orgs[u["id"]], "organization_id", tr.organizations), any(org))
		}},
		"by organization role": {"organization_role => " + quoted(orgRole), func(u row) bool {
			return slices.Contains(namesOf(orgRoles[u["id"]], "organization_role_id", tr.organizationRoles), any(orgRole))
		}},
		"by organization role in an organization": {"organization_role => " + quoted(orgRole) + ", organization => " + quoted(org), func(u row) bool {
			return slices.ContainsFunc(orgRoles[u["id"]], func(h row) bool {
				return tr.organizations[h["organization_id"]]["name"] == org && tr.organizationRoles[h["organization_role_id"]]["name"] == orgRole
			})
		}},
		"by domain": {"email_domain => 'EXAMPLE.org'", func(u row) bool { return strings.HasSuffix(strings.ToLower(text(u["primary_email"])), "@example.org") }},
		"by dates": {"created_from => " + quoted(text(some["created_at"])[:10]) + ", created_until => " + moment, func(u row) bool {
			return text(u["created_at"]) >= text(some["created_at"])[:10] && at(u["created_at"]).Before(momentTime())
		}},
		"by sign-in": {"signed_in_from => '2026-06-01', signed_in_until => '2026-09-01'", func(u row) bool {
			in := text(u["last_sign_in_at"])
			return in >= "2026-06-01" && in < "2026-09-01"
		}},
		"suspended":     {"suspended => true", func(u row) bool { return u["is_suspended"] == true }},
		"not suspended": {"suspended => false", func(u row) bool { return u["is_suspended"] == false }},
		"all at once": {"suspended => false, role => " + quoted(role) + `, custom_data_path => '$.plan != "pro"'`, func(u row) bool {
			p, ok := u["custom_data"].(row)["plan"]
			return u["is_suspended"] == false && holds(u["id"], role) && ok && p != "pro"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var want []string
			for _, u := range tr.users {
				if tc.fits != nil && tc.fits(u) {
					want = append(want, u["id"].(string))
				}
			}
			if tc.fits != nil && len(want) == 0 && !strings.Contains(name, "as itself") {
				t.Error("the plain search finds nobody: this compares nothing")
			}
			got, total := search(t, pool, strings.TrimPrefix(tc.arguments+", page_size => 5000", ", "))
			slices.Sort(want)
			slices.Sort(got)
			if diff := gocmp.Diff(want, got); diff != "" || total != len(want) {
				t.Errorf("total %d, want %d (-want +got):\n%s", total, len(want), diff)
			}
		})
	}
}

func TestPagesHoldEverybodyOnce(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	all, total := search(t, pool, "page_size => 5000")
	var paged []string
	for page := 1; len(paged) < total; page++ {
		ids, of := search(t, pool, fmt.Sprintf("page => %d, page_size => 250", page))
		if of != total || len(ids) == 0 {
			t.Fatalf("page %d has %d of %d", page, len(ids), of)
		}
		paged = append(paged, ids...)
	}
	if diff := gocmp.Diff(all, paged); diff != "" {
		t.Errorf("(-one page +pages):\n%s", diff)
	}
}

func TestAFuzzySearchFindsWhatIsMisspelt(t *testing.T) {
	t.Parallel()
	ids, _ := search(t, mirrored(t), "'twise born'")
	if len(ids) < 2 || !slices.Contains(ids[:2], "duplicate001") || !slices.Contains(ids[:2], "duplicate002") {
		t.Errorf("found %v, want duplicate001 and duplicate002 first", ids)
	}
}

// Of a user with nothing but an id there is nothing to rank.
func TestAFuzzySearchRanksWhomItFindsByIDLast(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	if _, err := pool.Exec(t.Context(), "update logto.users set name = 'duplicate004' where id = 'duplicate001'"); err != nil {
		t.Fatal(err)
	}
	rows, _ := pool.Query(t.Context(), "select user_id || ' ' || coalesce(rank::text, 'null') from report.search_users('duplicate004')")
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff([]string{"duplicate001 1", "duplicate004 0"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWithoutTrigramsAFuzzySearchFindsWhatContainsIt(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, mirrorRecorded)
	if _, err := pool.Exec(t.Context(), "drop extension pg_trgm"); err != nil {
		t.Fatal(err)
	}
	ids, total := search(t, pool, "'twice.BORN'")
	slices.Sort(ids)
	if diff := gocmp.Diff([]string{"duplicate001", "duplicate002"}, ids); diff != "" || total != 2 {
		t.Errorf("total %d (-want +got):\n%s", total, diff)
	}
}

func TestASearchThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	for _, arguments := range []string{"'a', 'like'", "page => 0", "page_size => 0", "custom_data_path => '$.'"} {
		var ids []string
		var total int
		if err := trySearch(t.Context(), pool, arguments, &ids, &total); err == nil {
			t.Errorf("search %s found %d", arguments, len(ids))
		}
	}
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func text(v any) string { s, _ := v.(string); return s }

// someUser is a user with an address, a name of ASCII and a date: the first by id.
func someUser(tr *truth) row {
	var some row
	for _, u := range tr.users {
		name, _ := u["name"].(string)
		if len(name) > 5 && !strings.ContainsFunc(name, func(r rune) bool { return r > 'z' || r == '%' || r == '_' || r == '\'' }) &&
			u["primary_email"] != nil && u["primary_email"] != strings.ToUpper(text(u["primary_email"])) && (some == nil || text(u["id"]) < text(some["id"])) {
			some = u
		}
	}
	return some
}

// busiest is the name of what most of the rows refer to.
func busiest(rows []row, column string, in map[any]row) string {
	count, best := map[any]int{}, any(nil)
	for _, r := range rows {
		count[r[column]]++
		if id := r[column]; best == nil || count[id] > count[best] {
			best = id
		}
	}
	return text(in[best]["name"])
}
