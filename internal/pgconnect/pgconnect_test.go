package pgconnect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgconnect"
	"logto-syncer/internal/postgres/pgtest"
)

// unkind are settings of a role, a database or a server that would decide a
// run if sessions took them over.
var unkind = map[string]string{
	"statement_timeout": "2s", "lock_timeout": "1ms", "idle_in_transaction_session_timeout": "2s", "idle_session_timeout": "2s",
	"client_encoding": "LATIN1", "standard_conforming_strings": "off", "transform_null_equals": "on", "search_path": "nowhere",
	"timezone": "Asia/Kathmandu", "datestyle": "German", "intervalstyle": "iso_8601", "extra_float_digits": "-15", "bytea_output": "escape",
	"default_transaction_isolation": "serializable", "default_transaction_read_only": "on", "default_transaction_deferrable": "on",
	"jit": "on", "work_mem": "64kB", "default_statistics_target": "1",
}

func TestSessionsAreSetWhateverTheRoleIsSetTo(t *testing.T) {
	t.Parallel()
	url := pgtest.NewDatabaseURL(t, nil)
	kind := settings(t, url)
	for name, value := range unkind {
		alterDatabase(t, url, name, value)
	}
	got := settings(t, url)
	for name := range unkind {
		if got[name] != kind[name] {
			t.Errorf("%s is %q in a session of a database that sets it to %q, want %q", name, got[name], unkind[name], kind[name])
		}
	}
	// The test can fail: a connection of anybody else's has what was set.
	if plain := plainSetting(t, url, "search_path"); plain != "nowhere" {
		t.Errorf("search_path of a plain connection is %q: the settings of the database were not in force", plain)
	}
}

// settings returns what a session of Open is set to.
func settings(t *testing.T, url string) map[string]string {
	t.Helper()
	pool, err := pgconnect.Open(t.Context(), url, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	got := map[string]string{}
	for name := range unkind {
		var value string
		if err := pool.QueryRow(t.Context(), "select current_setting($1)", name).Scan(&value); err != nil {
			t.Fatal(err)
		}
		got[name] = value
	}
	return got
}

func plainSetting(t *testing.T, url, name string) (value string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), "select current_setting($1)", name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func alterDatabase(t *testing.T, url, name, value string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	database := pgx.Identifier{conn.Config().Database}.Sanitize()
	for _, sql := range []string{
		"set default_transaction_read_only = off", "set statement_timeout = 0", "set lock_timeout = 0",
		fmt.Sprintf("alter database %s set %s = '%s'", database, name, value),
	} {
		if _, err := conn.PgConn().Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func TestADatabaseInAnotherEncodingIsRefused(t *testing.T) {
	t.Parallel()
	url := pgtest.NewDatabaseURL(t, nil)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name := conn.Config().Database + "_latin1"
	if _, err := conn.Exec(t.Context(), "create database "+name+" encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0"); err != nil {
		t.Fatal(err)
	}
	_, err = pgconnect.Open(t.Context(), strings.Replace(url, conn.Config().Database, name, 1), 1)
	unfit, ok := errors.AsType[*pgconnect.UnfitError](err)
	if !ok || !strings.Contains(unfit.Problem, "LATIN1") || !strings.Contains(unfit.Remedy, "encoding 'UTF8'") {
		t.Errorf("open a database in LATIN1: %v, want an error that names the encoding and how to make another", err)
	}
}

func TestAConnectionStringThatCannotBeUsedIsExplained(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, c := range map[string]struct{ url, problem, remedy string }{
		"Prisma's":     {"postgres://u:hunter2@localhost/db?pgbouncer=true", `"pgbouncer"`, "Prisma"},
		"a schema":     {"postgres://u:hunter2@localhost/db?schema=public", `"schema"`, "fixed names"},
		"a line break": {"postgres://u:hunter2@localhost/db\n", "line break", "DATABASE_URL"},
		"another form": {"mysql://u:hunter2@localhost/db", "not one of Postgres", "postgres://"},
		"a bad escape": {"postgres://u:hunter2%@localhost/db", "not one of Postgres", "%40"},
		"a service":    {"postgres://?service=nobody_has_this", "service", "PGSERVICEFILE"},
	} {
		_, err := pgconnect.Open(t.Context(), c.url, 1)
		unfit, ok := errors.AsType[*pgconnect.UnfitError](err)
		if !ok || !strings.Contains(unfit.Problem, c.problem) || !strings.Contains(unfit.Remedy, c.remedy) {
			t.Errorf("%s: %v, want a problem with %q and a remedy with %q", name, err, c.problem, c.remedy)
			continue
		}
		if strings.Contains(unfit.Problem+unfit.Remedy, secret) {
			t.Errorf("%s: the error quotes the password", name)
		}
	}
}

func TestTheFirstErrorShownIsTheCause(t *testing.T) {
	t.Parallel()
	url := pgtest.NewDatabaseURL(t, nil)
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	missing := strings.Replace(url, cfg.Database, "no_such_database", 1)
	// With sslmode=prefer, the default, TLS is tried first, and refused.
	for name, c := range map[string]struct{ url, want string }{
		"a database that is not there": {missing, `connect to the database: database "no_such_database" does not exist (SQLSTATE 3D000)`},
		"nobody listens":               {"postgres://u@127.0.0.1:1/db", "connect to the database: dial tcp 127.0.0.1:1: connect: connection refused"},
	} {
		_, err := pgconnect.Open(t.Context(), c.url, 1)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
