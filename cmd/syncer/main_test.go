package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres/pgtest"
)

// The test binary is the program, too: run under the name of syncer.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"syncer": main})
}

// A script has a simulated Logto of 300 users, a database, and the repository's
// jobs.yaml unless it brings its own.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			server := logtotest.Start(logtotest.Generate(logtotest.Options{Users: 300, Seed: 1, Ties: true}))
			env.Defer(server.Close)
			env.Values["server"] = server
			env.Values["database"] = pgtest.NewDatabaseURL(t, nil)
			env.Vars = append(env.Vars, environment(server, env.Values["database"].(string))...)
			cfg, err := pgx.ParseConfig(env.Values["database"].(string))
			if err != nil {
				return err
			}
			env.Vars = append(env.Vars, "dbhost="+cfg.Host, fmt.Sprintf("dbport=%d", cfg.Port), "dbname="+cfg.Database)
			return ownJobs(env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "sql": sqlCommand, "sqlexec": sqlExec, "dbset": setDatabase, "service": writeService, "age": age, "lookup": lookup, "server": serverCommand},
	})
}

func environment(server *logtotest.Server, database string) []string {
	return []string{
		"LOGTO_ENDPOINT=" + server.URL, "LOGTO_APP_ID=" + server.AppID, "LOGTO_APP_SECRET=" + server.AppSecret,
		"DATABASE_URL=" + database,
	}
}

func ownJobs(dir string) error {
	path := filepath.Join(dir, "jobs.yaml")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	data, err := os.ReadFile("../../jobs.yaml")
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// exits CODE COMMAND ARG... wants the command to end with that code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("want exit code %d, have %d", want, code)
	}
}

// sql QUERY WANT compares the one value a query returns, as text.
func sqlCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sql QUERY WANT")
	}
	conn, err := pgx.Connect(context.Background(), ts.Value("database").(string))
	ts.Check(err)
	defer conn.Close(context.Background())
	var got string
	ts.Check(conn.QueryRow(context.Background(), "select ("+os.Expand(args[0], ts.Getenv)+")::text").Scan(&got))
	if got != args[1] {
		ts.Fatalf("%s: want %s, have %s", args[0], args[1], got)
	}
}

// lookup VARIABLE QUERY sets a variable to the one value a query returns.
func lookup(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lookup VARIABLE QUERY")
	}
	conn, err := pgx.Connect(context.Background(), ts.Value("database").(string))
	ts.Check(err)
	defer conn.Close(context.Background())
	var got string
	ts.Check(conn.QueryRow(context.Background(), "select ("+os.Expand(args[1], ts.Getenv)+")::text").Scan(&got))
	ts.Setenv(args[0], got)
}

// sqlexec STATEMENT runs a statement as the owner of the database.
func sqlExec(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sqlexec STATEMENT")
	}
	conn, err := pgx.Connect(context.Background(), ts.Value("database").(string))
	ts.Check(err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), os.Expand(args[0], ts.Getenv))
	ts.Check(err)
}

// dbset NAME VALUE sets the database to something: sessions take it over unless
// they say otherwise.
func setDatabase(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: dbset NAME VALUE")
	}
	conn, err := pgx.Connect(context.Background(), ts.Value("database").(string))
	ts.Check(err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), fmt.Sprintf("alter database %s set %s = '%s'", pgx.Identifier{conn.Config().Database}.Sanitize(), args[0], args[1]))
	ts.Check(err)
}

// service FILE writes a service file with the service mirror.
func writeService(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: service FILE")
	}
	text := fmt.Sprintf("[mirror]\nhost=%s\nport=%s\ndbname=%s\nuser=postgres\n", ts.Getenv("dbhost"), ts.Getenv("dbport"), ts.Getenv("dbname"))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// age LISTING makes the certificates of a listing 27 hours old.
func age(ts *testscript.TestScript, neg bool, args []string) {
	conn, err := pgx.Connect(context.Background(), ts.Value("database").(string))
	ts.Check(err)
	defer conn.Close(context.Background())
	tag, err := conn.Exec(context.Background(), "update syncer.certificates set read_at = now() - interval '27 hours' where listing = $1", args[0])
	ts.Check(err)
	if neg || tag.RowsAffected() == 0 {
		ts.Fatalf("no certificates of %s", args[0])
	}
}

// server requests N | reset | scope WORD | delete N | drift | user | break | repair
// drift makes, renames and deletes a user; user sets $user to the id of one.
func serverCommand(ts *testscript.TestScript, neg bool, args []string) {
	server := ts.Value("server").(*logtotest.Server)
	users := simulatedRowIDs(server.Tenant, "users")
	slices.Sort(users)
	switch args[0] {
	case "requests":
		if n := server.RequestsMatching("") + server.RequestsMatching("/oidc/token"); strconv.Itoa(n) != args[1] {
			ts.Fatalf("want %s requests, have %d", args[1], n)
		}
	case "reset":
		server.ResetCounters()
	case "scope":
		server.SetTokenScope(args[1])
	case "delete":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		ts.Check(server.Tenant.DeleteUsers(users[:n]...))
	case "drift":
		_, err := server.Tenant.CreateUser(logtotest.Row{"name": "New"})
		ts.Check(err)
		ts.Check(server.Tenant.UpdateUser(users[1], logtotest.Row{"name": "Renamed"}))
		ts.Check(server.Tenant.DeleteUser(users[2]))
	case "user":
		ts.Setenv("user", users[0])
	case "break":
		server.FailOnRow(users[0])
	case "repair":
		server.RepairRow(users[0])
	default:
		ts.Fatalf("unknown: server %s", strings.Join(args, " "))
	}
}

// inProcess runs the program and returns its exit code and what it wrote.
func inProcess(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, processEnvironment{
		env: func(name string) (string, bool) {
			for _, pair := range env {
				if value, ok := strings.CutPrefix(pair, name+"="); ok {
					return value, true
				}
			}
			return "", false
		},
		stdin: strings.NewReader(""), stdout: &out, stderr: &errs,
	})
	return code, out.String(), errs.String()
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }

func last(text string) string { l := lines(text); return l[len(l)-1] }

func must[T any](t *testing.T, what string) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", what, err))
		}
		return v
	}
}
