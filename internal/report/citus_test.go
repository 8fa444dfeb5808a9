//go:build citus

package report_test

import (
	"bytes"
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

// A query about one tenant goes to one worker, one about all to several: Citus plans
// them in different ways, so both are compared.
func TestADistributedDatabaseAnswersAsAPlainOne(t *testing.T) {
	t.Parallel()
	if !pgtest.OnCitus() {
		t.Fatal("there is no Citus: run make test-citus")
	}
	for name, prepare := range map[string]pgtest.Prepare{"the recorded tenant": mirrorRecorded, "two nights": twoNights} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain, distributed := pgtest.NewPlainPool(t, prepare), pgtest.NewPool(t, migrated)
			copyRows(t, plain, distributed)
			found := 0
			for _, q := range comparable(t, plain) {
				want, wantNotices := answer(t, plain, q)
				got, gotNotices := answer(t, distributed, q)
				if diff := gocmp.Diff(inAnyOrder(want), inAnyOrder(got)); diff != "" {
					t.Errorf("%s (-plain +distributed):\n%.3000s", q.name, diff)
				}
				// Citus computes columns of views that nobody asks for: there may be more.
				for notice := range strings.SplitSeq(wantNotices, "\n") {
					if !strings.Contains(gotNotices, notice) {
						t.Errorf("%s: no notice %q in %q", q.name, notice, gotNotices)
					}
				}
				if len(want) > 0 {
					found++
				}
			}
			if found < 100 {
				t.Errorf("%d queries found something: this compares little", found)
			}
		})
	}
}

// inAnyOrder writes the rows of an answer, sorted: an answer without an order may come
// in any.
func inAnyOrder(rows []map[string]string) (lines []string) {
	for _, row := range rows {
		lines = append(lines, fmt.Sprint(row))
	}
	slices.Sort(lines)
	return lines
}

// comparable are the questions, reports and views that every answer is asked of, the
// views of all tenants, and calls of every function that reads rows. Two views count
// from now on, which is not the same in two databases; their functions are called.
func comparable(t *testing.T, plain *pgxpool.Pool) []askedQuestion {
	t.Helper()
	all := askable(t, plain)
	for _, q := range all {
		if view, isView := strings.CutPrefix(q.name, "view "); isView {
			all = append(all, askedQuestion{q.name + ", all tenants", "select * from report." + view})
		}
	}
	for _, view := range aboutTheMirror() {
		all = append(all, askedQuestion{"view " + view, "select * from report." + view})
	}
	for _, call := range callsOfFunctions() {
		all = append(all, askedQuestion{call, "select * from report." + call})
	}
	return slices.DeleteFunc(all, func(q askedQuestion) bool {
		return strings.HasPrefix(q.name, "view active_users") || strings.HasPrefix(q.name, "view dormant_users") || q.name == "report dormant_users"
	})
}

// callsOfFunctions are calls about one tenant and about all. Of the names, one is so
// misspelt that a worker finds it by the threshold of the search alone.
func callsOfFunctions() (calls []string) {
	const nights, past = "'2026-11-01 02:00+00', '2026-11-02 02:00+00'", "'2026-11-02 02:00+00'"
	for _, tenant := range []string{"null", "'" + acme + "'"} {
		for _, call := range []string{
			"active_users_at(" + past + ", %s)", "dormant_users_at(" + past + ", 30, %s)",
			"role_holders_at('support', '2126-11-01', %s)", "organizations_without('owner', %s)", "ids_named('role', 'support', %s)",
			"access_changes(" + nights + ", %s)", "access_changes(" + nights + ", %s, 'gone00000001')", "changes_between(" + nights + ", %s)",
			"search_users('jona webr', tenant => %s)", "search_users('mueller', tenant => %s)", "search_users('petrv', tenant => %s)",
			"search_users('twise born', tenant => %s)", "search_users('DORA@example.org', 'exact', tenant => %s)",
			"search_users('eller', 'contains', tenant => %s)", "search_users('emma', 'prefix', tenant => %s)",
			`search_users(custom_data => '{"plan": "pro"}', tenant => %s)`, "search_users(custom_data_path => '$.credits > 500', tenant => %s)",
			"search_users(role => 'support', tenant => %s)", "search_users(organization_role => 'member', tenant => %s)",
			"search_users(email_domain => 'example.org', suspended => false, tenant => %s)",
		} {
			calls = append(calls, fmt.Sprintf(call, tenant))
		}
	}
	return append(calls,
		"role_holders_at('finance', '2026-11-01 12:00+00', '"+acme+"')", "organization_members_at('Vandelay Inc. 3', '2026-11-01 12:00+00', '"+acme+"')",
		"organization_members_at('Initech Inc. 4', '2026-11-01 12:00+00', '"+acme+"')", "name_of('"+acme+"', 'user', 'gone00000001')",
		"rows_of_user('"+acme+"', 'dora00000001')",
	)
}

// copyRows copies all that is mirrored, so that both databases hold the same, down
// to when each row was read. The references between tables are checked at the end.
func copyRows(t *testing.T, from, to *pgxpool.Pool) {
	t.Helper()
	const mirrored = `select format('%I.%I', schemaname, tablename), schemaname = 'syncer' from pg_tables
where schemaname in ('logto', 'logto_history', 'syncer') and tablename not like '%goose%'`
	rows, err := from.Query(t.Context(), mirrored)
	if err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), to, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "set local session_replication_role = replica"); err != nil {
			return err
		}
		var table string
		var local bool
		_, err := pgx.ForEachRow(rows, []any{&table, &local}, func() error {
			if local {
				if _, err := tx.Exec(t.Context(), "delete from "+table); err != nil {
					return err
				}
			}
			return copyTable(t.Context(), from, tx, table)
		})
		return err
	})
	if err == nil {
		_, err = to.Exec(t.Context(), "analyze")
	}
	if err != nil {
		t.Fatalf("copy the rows: %v", err)
	}
}

func copyTable(ctx context.Context, from *pgxpool.Pool, to pgx.Tx, table string) error {
	conn, err := from.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	var rows bytes.Buffer
	if _, err := conn.Conn().PgConn().CopyTo(ctx, &rows, "copy "+table+" to stdout"); err != nil {
		return err
	}
	_, err = to.Conn().PgConn().CopyFrom(ctx, &rows, "copy "+table+" from stdin")
	return err
}
