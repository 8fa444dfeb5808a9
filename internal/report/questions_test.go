package report_test

import (
	"context"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/report"
	"logto-syncer/internal/state"
)

var update = flag.Bool("update", false, "write the answers in docs/questions.md anew")

// generated is the tenant of the questions, as it is before the first day.
func generated() *logtotest.Tenant {
	return logtotest.Generate(logtotest.Options{Users: 500, Organizations: 20, Seed: 7})
}

// twoNights mirrors a generated tenant before and after a day of changes, as
// if in the nights of 1 and 2 November 2026.
func twoNights(ctx context.Context, pool *pgxpool.Pool) error {
	tenant := generated()
	if err := firstDay(tenant); err != nil {
		return err
	}
	if _, err := state.Migrate(ctx, pool); err != nil {
		return err
	}
	server := logtotest.Start(tenant)
	defer server.Close()
	if err := syncOnce(ctx, pool, server); err != nil {
		return err
	}
	if err := secondDay(tenant); err != nil {
		return err
	}
	if err := syncOnce(ctx, pool, server); err != nil {
		return err
	}
	_, err := pool.Exec(ctx, shiftNights)
	return err
}

// named returns the id of the row of a table with a name.
func named(tenant *logtotest.Tenant, table, name string) string {
	for _, r := range tenant.Rows(table) {
		if r["name"] == name {
			return r["id"].(string)
		}
	}
	return ""
}

// organization returns the id of the organization numbered n.
func organization(tenant *logtotest.Tenant, n string) string {
	for _, r := range tenant.Rows("organizations") {
		if strings.HasSuffix(r["name"].(string), " "+n) {
			return r["id"].(string)
		}
	}
	return ""
}

// try calls until one fails.
func try(calls ...func() error) error {
	for _, call := range calls {
		if err := call(); err != nil {
			return err
		}
	}
	return nil
}

func firstDay(t *logtotest.Tenant) error {
	at := time.Date(2026, 10, 20, 8, 0, 0, 0, time.UTC)
	finance, support := named(t, "roles", "finance"), named(t, "roles", "support")
	member, admin := named(t, "organization_roles", "member"), named(t, "organization_roles", "admin")
	user := func(id, email, name string) func() error {
		return func() error {
			_, err := t.CreateUser(logtotest.Row{
				"id": id, "primary_email": email, "name": name, "created_at": at, "updated_at": at, "last_sign_in_at": at.AddDate(0, 0, 3),
			})
			return err
		}
	}
	return try(
		user("dora00000001", "Dora@example.org", "Dora Keller"), user("dora00000002", "dora@example.org", "Dora Keller"),
		user("dora00000003", "DORA@example.org", "D. Keller"),
		user("gone00000001", "rolf@example.org", "Rolf Gone"),
		func() error {
			_, err := t.CreateScope(named(t, "resources", "API resource 1"), logtotest.Row{"id": "purge", "name": "purge:orders", "created_at": at})
			return err
		},
		func() error { return t.AssignRole("dora00000001", finance) },
		func() error { return t.AssignRole("dora00000001", support) },
		func() error { return t.AssignRole("gone00000001", finance) },
		func() error { return t.AddMember(organization(t, "3"), "dora00000001", member, admin) },
		func() error { return t.AddMember(organization(t, "4"), "gone00000001", member) },
	)
}

func secondDay(t *logtotest.Tenant) error {
	finance, auditor := named(t, "roles", "finance"), named(t, "roles", "auditor")
	admin, owner := named(t, "organization_roles", "admin"), named(t, "organization_roles", "owner")
	return try(
		func() error { return t.DeleteUser("gone00000001") },
		func() error { return t.UnassignRole("dora00000001", finance) },
		func() error { return t.AssignRole("dora00000001", auditor) },
		func() error { return t.RemoveMemberRole(organization(t, "3"), "dora00000001", admin) },
		func() error { return t.AddMember(organization(t, "5"), "dora00000001", owner) },
		func() error {
			return t.UpdateUser("dora00000002", logtotest.Row{"primary_email": "dora.k@example.org", "is_suspended": true})
		},
		func() error {
			return t.UpdateOrganization(organization(t, "5"), logtotest.Row{"description": "Moved to Berlin"})
		},
	)
}

// shiftNights puts the two runs into the nights they are to have been in.
const shiftNights = `do $$
declare
	run record;
	mirrored record;
	valid text;
begin
	for run in select run_id, published_at as was, '2026-10-31 02:00+00'::timestamptz + run_id * interval '1 day' as night from syncer.runs loop
		for mirrored in select table_schema, table_name, column_name from information_schema.columns
			where table_schema in ('logto', 'logto_history') and column_name in ('valid_from', 'valid_to') loop
			execute format('update %I.%I set %I = $1 where %I = $2', mirrored.table_schema, mirrored.table_name, mirrored.column_name, mirrored.column_name)
			using run.night, run.was;
		end loop;
		update syncer.runs set published_at = run.night, started_at = run.night - interval '1 minute', attempted_at = run.night - interval '1 minute',
			finished_at = run.night where run_id = run.run_id;
		update syncer.certificates set read_at = run.night where run_id = run.run_id;
	end loop;
end
$$`

const questionsFile = "../../docs/questions.md"

var questionForm = regexp.MustCompile("(?s)### (\\d+)\\. ([^\n]+)\n.*?```sql\n(.*?)```\n\n```text\n(.*?)```")

func TestQuestionsHaveTheAnswersInTheDocument(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(questionsFile)
	if err != nil {
		t.Fatal(err)
	}
	questions := questionForm.FindAllSubmatchIndex(document, -1)
	if n := strings.Count(string(document), "\n### "); len(questions) != n || n < 40 {
		t.Fatalf("%d questions, %d of them with SQL and answer: want 40 or more, all", n, len(questions))
	}
	pool := pgtest.New(t, twoNights)
	part := func(q []int, n int) string { return string(document[q[2*n]:q[2*n+1]]) }
	var written strings.Builder
	end := 0
	for _, q := range questions {
		answer := ask(t, pool, part(q, 1), part(q, 3))
		wantNarrow(t, answer)
		if diff := gocmp.Diff(part(q, 4), answer); diff != "" && !*update {
			t.Errorf("%s. %s (-document +answer):\n%s", part(q, 1), part(q, 2), diff)
		}
		written.Write(document[end:q[8]])
		written.WriteString(answer)
		end = q[9]
	}
	written.Write(document[end:])
	if *update {
		if err := os.WriteFile(questionsFile, []byte(written.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// ask returns the answer as a table of 80 columns.
func ask(t *testing.T, pool *pgxpool.Pool, number, sql string) string {
	t.Helper()
	r, err := report.Parse(number, "question "+number, head+sql)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	renderer, err := report.Render("table", &out, 80)
	if err == nil {
		err = report.Run(t.Context(), pool, r, nil, renderer)
	}
	if err != nil {
		t.Errorf("question %s: %v", number, err)
	}
	return out.String()
}
