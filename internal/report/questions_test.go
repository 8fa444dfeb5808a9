package report_test

import (
	"context"
	"flag"
	"os"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/report"
	"logto-syncer/internal/report/reporttest"
	"logto-syncer/internal/state"
)

var update = flag.Bool("update", false, "write the answers in docs/questions.md anew")

// generated is the tenant of the questions, as it is before the first day.
func generated() *logtotest.Tenant {
	return logtotest.Generate(logtotest.Options{Users: 500, Organizations: 20, Seed: 7})
}

// globex is the other tenant in the database of the questions.
const globex = "globex"

// twoNights mirrors a generated tenant before and after a day of changes, as
// if in the nights of 1 and 2 November 2026, and another tenant beside it.
func twoNights(ctx context.Context, pool *pgxpool.Pool) error {
	if err := acmeNights(ctx, pool); err != nil {
		return err
	}
	return beside(ctx, pool)
}

// acmeNights is twoNights without the other tenant.
func acmeNights(ctx context.Context, pool *pgxpool.Pool) error {
	tenant := generated()
	if err := reporttest.SeedFirstDay(tenant); err != nil {
		return err
	}
	created := "2026-10-01T08:00:00.123456Z"
	if _, err := tenant.CreateUser(logtotest.Row{"id": "erased000001", "primary_email": "erna@example.org", "created_at": created, "updated_at": created}); err != nil {
		return err
	}
	if _, err := state.Migrate(ctx, pool); err != nil {
		return err
	}
	server := logtotest.Start(tenant)
	defer server.Close()
	job := everything(acme, server)
	job.Privacy.Rules = map[string]map[string]load.Rule{"users": {"avatar": {Drop: true}}}
	if err := syncJob(ctx, pool, server, job); err != nil {
		return err
	}
	if err := reporttest.ApplySecondDay(tenant); err != nil {
		return err
	}
	if err := tenant.DeleteUser("erased000001"); err != nil {
		return err
	}
	if err := syncJob(ctx, pool, server, job); err != nil {
		return err
	}
	if _, err := mirror.EraseUsers(ctx, pool, acme, load.DataSubjects{IDs: []string{"erased000001"}, Named: 1}); err != nil {
		return err
	}
	_, err := pool.Exec(ctx, shiftNights)
	return err
}

// beside mirrors the other tenant, without what is optional.
func beside(ctx context.Context, pool *pgxpool.Pool) error {
	server := logtotest.Start(logtotest.Generate(logtotest.Options{Users: 60, Seed: 9}))
	defer server.Close()
	job := everything(globex, server)
	job.Listings = catalog.Select(nil)
	if err := syncJob(ctx, pool, server, job); err != nil {
		return err
	}
	_, err := pool.Exec(ctx, shiftNights)
	return err
}

// shiftNights puts the two runs into the nights they are to have been in.
const shiftNights = `do $$
declare
	run record;
	mirrored record;
	valid text;
begin
	for run in select run_id, published_at as was, '2026-10-31 02:00+00'::timestamptz + least(run_id, 2) * interval '1 day' as night
		from syncer.runs where published_at > '2026-11-03' loop
		for mirrored in select table_schema, table_name, column_name from information_schema.columns
			where table_schema in ('logto', 'logto_history') and column_name in ('valid_from', 'valid_to') loop
			execute format('update %I.%I set %I = $1 where %I = $2', mirrored.table_schema, mirrored.table_name, mirrored.column_name, mirrored.column_name)
			using run.night, run.was;
		end loop;
		update syncer.erasures set erased_at = '2026-11-02 09:00+00';
		update syncer.mirrored_tables set first_proved_at = run.night where first_proved_at = run.was;
		update syncer.mirrored_tables set history_since = run.night where history_since = run.was;
		update syncer.runs set published_at = run.night, started_at = run.night - interval '1 minute', attempted_at = run.night - interval '1 minute',
			finished_at = run.night where run_id = run.run_id;
		update syncer.certificates set read_at = run.night where run_id = run.run_id;
	end loop;
end
$$`

const questionsFile = "../../docs/questions.md"

func TestQuestionsHaveTheAnswersInTheDocument(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(questionsFile)
	if err != nil {
		t.Fatal(err)
	}
	questions, err := reporttest.ParseQuestions(string(document))
	if err != nil || len(questions) < 60 {
		t.Fatalf("%d questions, error %v: want 60 or more", len(questions), err)
	}
	pool, alone := pgtest.NewPool(t, twoNights), pgtest.NewPool(t, acmeNights)
	var written strings.Builder
	end := 0
	for _, q := range questions {
		answer := ask(t, pool, q.Number, q.SQL)
		wantNarrow(t, answer)
		if !strings.Contains(q.SQL, globex) {
			if diff := gocmp.Diff(ask(t, alone, q.Number, q.SQL), answer); diff != "" {
				t.Errorf("%s. %s is answered for both tenants (-one tenant +two):\n%s", q.Number, q.Text, diff)
			}
		}
		if diff := gocmp.Diff(q.Answer, answer); diff != "" && !*update {
			t.Errorf("%s. %s (-document +answer):\n%s", q.Number, q.Text, diff)
		}
		written.Write(document[end:q.From])
		written.WriteString(answer)
		end = q.To
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
	renderer, err := report.NewRenderer("table", &out, 80)
	if err == nil {
		_, err = report.Run(t.Context(), pool, r, report.RunOptions{}, renderer)
	}
	if err != nil {
		t.Errorf("question %s: %v", number, err)
	}
	return out.String()
}
