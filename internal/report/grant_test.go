package report_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/report"
)

// insufficientPrivilege is the code of "permission denied".
const insufficientPrivilege = "42501"

// analyst returns a connection of a role that Grant has let in. Roles belong
// to the server, which other tests share, so each has a name of its own.
func analyst(t *testing.T, pool *pgxpool.Pool) *pgx.Conn {
	t.Helper()
	var database string
	if err := pool.QueryRow(t.Context(), "select current_database()").Scan(&database); err != nil {
		t.Fatal(err)
	}
	role := "Analyst of " + database // a name that has to be quoted
	if _, err := pool.Exec(t.Context(), "create role "+pgx.Identifier{role}.Sanitize()+" login"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // granting again changes nothing
		if err := report.Grant(t.Context(), pool, role); err != nil {
			t.Fatal(err)
		}
	}
	config := pool.Config().ConnConfig.Copy()
	config.User = role
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func denied(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == insufficientPrivilege
}

// relations lists tables and views of some schemas.
func relations(t *testing.T, pool *pgxpool.Pool, schemas ...string) []string {
	t.Helper()
	rows, _ := pool.Query(t.Context(), `select c.oid::regclass::text from pg_class c
		where c.relnamespace = any($1::text[]::regnamespace[]) and c.relkind in ('r', 'v') order by 1`, schemas)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) == 0 {
		t.Fatalf("relations of %v: %v, error %v", schemas, names, err)
	}
	return names
}

func TestAnAnalystReadsEverythingMeantForAnalysts(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	conn := analyst(t, pool)
	for _, name := range relations(t, pool, "logto", "logto_history", "report") {
		if _, err := conn.Exec(t.Context(), "select * from "+name+" limit 1"); err != nil {
			t.Errorf("read %s: %v", name, err)
		}
	}
	all, err := report.List("")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		args := map[string]string{}
		for _, p := range r.Params {
			if p.Required {
				args[p.Name] = examples()[p.Name]
			}
		}
		var out strings.Builder
		renderer, err := report.NewRenderer("csv", &out, 80)
		if err == nil {
			_, err = report.Run(t.Context(), conn, r, report.RunOptions{Args: args}, renderer)
		}
		if err != nil {
			t.Errorf("report %s: %v", r.Name, err)
		}
	}
	if _, err := conn.Exec(t.Context(), "select * from report.search_users('anna')"); err != nil {
		t.Errorf("search: %v", err)
	}
}

func TestAnAnalystReadsTablesToCome(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	conn := analyst(t, pool)
	for _, schema := range []string{"logto", "logto_history", "report"} {
		if _, err := pool.Exec(t.Context(), fmt.Sprintf("create table %s.to_come (n int)", schema)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), fmt.Sprintf("select * from %s.to_come", schema)); err != nil {
			t.Errorf("%s: %v", schema, err)
		}
	}
}

func TestAnAnalystNeitherWritesNorLooksInside(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	conn := analyst(t, pool)
	for _, name := range relations(t, pool, "logto", "logto_history") {
		for _, statement := range []string{"delete from " + name, "update " + name + " set tenant_id = tenant_id", "insert into " + name + " default values", "truncate " + name} {
			if _, err := conn.Exec(t.Context(), statement); !denied(err) {
				t.Errorf("%s: error %v, want permission denied", statement, err)
			}
		}
	}
	for _, name := range relations(t, pool, "syncer") {
		if _, err := conn.Exec(t.Context(), "select * from "+name); !denied(err) {
			t.Errorf("read %s: error %v, want permission denied", name, err)
		}
	}
	if _, err := pool.Exec(t.Context(), "create table syncer_stage.run_1_users (n int)"); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"select * from syncer_stage.run_1_users", "create table logto.mine (n int)", "create table report.mine (n int)", "drop view report.runs",
		"create schema mine", "delete from report.tenants", "refresh materialized view report.mine",
	} {
		if _, err := conn.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s: no error", statement)
		}
	}
}

func TestARoleThatIsNotThereCannotBeGranted(t *testing.T) {
	t.Parallel()
	err := report.Grant(t.Context(), mirrored(t), `no "such" role`)
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("error = %v", err)
	}
}
