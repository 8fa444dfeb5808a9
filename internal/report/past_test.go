package report_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/report"
)

// Whatever takes a moment says when it is before the past that is known.
func TestAMomentBeforeThePastHasNoAnswer(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	reports, err := report.List("")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		for _, p := range r.Params {
			if p.Type != "timestamptz" || p.Name == "until" || strings.HasPrefix(r.Name, "search_") {
				continue
			}
			args := required(r)
			args[p.Name] = "2001-01-01"
			out := &collect{}
			got, err := report.Run(t.Context(), pool, r, report.RunOptions{Args: args}, out)
			if text := fmt.Sprint(got.Notices, err); !strings.Contains(text, "no answer before 20") || len(out.rows) > 0 {
				t.Errorf("%s with %s before the first run: %d rows, %s", r.Name, p.Name, len(out.rows), text)
			}
		}
	}
}

// The same of functions: a moment is looked up before it is compared.
func TestAFunctionOfAMomentHasNoAnswerBeforeThePast(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	rows, _ := pool.Query(t.Context(), `select p.proname || ' ' || a.name
		from pg_proc p
		cross join unnest(p.proargnames, p.proargmodes, coalesce(p.proallargtypes, p.proargtypes::oid[])) a (name, mode, type)
		where p.pronamespace = 'report'::regnamespace and coalesce(a.mode, 'i') = 'i' and a.type = 'timestamptz'::regtype
		order by 1`)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) < 10 {
		t.Fatalf("moments %v, error %v", found, err)
	}
	calls := map[string]string{
		"access_changes since":       "access_changes('2001-01-01')",
		"access_changes until":       "access_changes('2001-01-01', '2001-01-02')",
		"active_users_at at":         "active_users_at('2001-01-01')",
		"changes_between since":      "changes_between('2001-01-01', 'infinity')",
		"changes_between until":      "changes_between('2001-01-01', '2001-01-02')",
		"dormant_users_at at":        "dormant_users_at('2001-01-01')",
		"organization_members_at at": "organization_members_at('Feed Org', '2001-01-01')",
		"role_holders_at at":         "role_holders_at('support', '2001-01-01')",
		"tenants_known_at moment":    "tenants_known_at('2001-01-01')",
		// Parts of these, and conditions on what there is now.
		"past_notice since": "", "require_past moment": "", "table_changes since": "", "table_changes until": "",
		"search_users created_from": "", "search_users created_until": "", "search_users signed_in_from": "", "search_users signed_in_until": "",
	}
	for _, name := range found {
		call, known := calls[name]
		if !known {
			t.Errorf("%s: a moment is not in this test: what if nothing is known of it?", name)
		}
		if call == "" {
			continue
		}
		var n int
		var notices string
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			if err := tx.QueryRow(t.Context(), "select count(*) from report."+call).Scan(&n); err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), "select coalesce(current_setting('report.notices', true), '')").Scan(&notices)
		})
		if text := fmt.Sprint(notices, err); n > 0 || !strings.Contains(text, "no answer before 20") {
			t.Errorf("%s: %d rows, %s", call, n, text)
		}
	}
}

// What the first run has found was there before: no view, report or question
// says that it began then.
func TestNothingBeginsWithTheFirstRun(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	var second string
	err := pool.QueryRow(t.Context(), "select to_char(first_published_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') from report.tenants").Scan(&second)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range askable(t, pool) {
		if q.name == "report freshness" {
			continue
		}
		rows, _ := answer(t, pool, q)
		for _, row := range rows {
			for column, value := range row {
				if strings.Contains(value, second) {
					t.Errorf("%s: %s is %s, when the first run was published", q.name, column, value)
				}
			}
		}
	}
}

// Of a moment in the past, only today's users and their last sign-ins are known,
// which the answer says.
func TestSignInsBeforeAMomentAreCountedFromTheLastOnes(t *testing.T) {
	t.Parallel()
	pool, tr := mirrored(t), newTruth(recorded(t))
	if _, err := pool.Exec(t.Context(), "update syncer.mirrored_tables set history_since = '2026-10-01'"); err != nil {
		t.Fatal(err)
	}
	wantSame(t, active(tr), shown(t, pool, "active_users_at("+moment+")"))
	wantSame(t, dormant(tr), shown(t, pool, "dormant_users_at("+moment+", 30)"))
	for _, name := range []string{"active_users", "dormant_users"} {
		r, err := report.LoadByName("", name)
		if err != nil {
			t.Fatal(err)
		}
		for at, want := range map[string]bool{"2026-11-01": true, "2100-01-01": false} {
			got, err := report.Run(t.Context(), pool, r, report.RunOptions{Args: map[string]string{"at": at}}, discard{})
			if said := strings.Contains(fmt.Sprint(got.Notices), "Logto keeps no other"); err != nil || said != want {
				t.Errorf("%s at %s: notices %v, error %v", name, at, got.Notices, err)
			}
		}
	}
}
