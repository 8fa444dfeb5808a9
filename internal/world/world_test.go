package world_test

import (
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
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rogpeppe/go-internal/testscript"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror/mirrortest"
	"logto-syncer/internal/postgres/pgtest"
)

// A script has the program, a database in DATABASE_URL, the repository's
// jobs.yaml, and these commands:
//
//	tenant USERS             start a simulated Logto; sets LOGTO_ENDPOINT and so on
//	nginx [LINE...]          put nginx before it, with further lines of its site
//	nginx-tls [LINE...]      the same with HTTP/2; sets SSL_CERT_FILE
//	haproxy                  put HAProxy before it
//	pgbouncer [SETTING...]   put PgBouncer before the database, with further settings
//	database                 connect past any pooler again
//	exits CODE COMMAND...    run a command, which ends with that exit code
//	change N                 change, make and delete N users each
//	equal                    the mirror equals the tenant, row by row
//	requests MIN MAX         so many requests reached Logto since the last requests
//	proxied STATUS MIN MAX   so many answers of nginx had that status since the last proxied
func TestTheProgramBehindRealServers(t *testing.T) {
	t.Parallel()
	bin := build(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			w := &scriptWorld{database: pgtest.NewDatabaseURL(t, nil)}
			env.Values["world"] = w
			env.Setenv("DATABASE_URL", w.database)
			jobs, err := os.ReadFile("../../jobs.yaml")
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(env.WorkDir, "jobs.yaml"), jobs, 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"tenant": command((*scriptWorld).startTenant), "nginx": command((*scriptWorld).startNginx), "nginx-tls": command((*scriptWorld).startNginxTLS),
			"haproxy": command((*scriptWorld).startHAProxy), "pgbouncer": command((*scriptWorld).startPgBouncer),
			"database": command((*scriptWorld).bypassPooler),
			"exits":    command((*scriptWorld).exits), "change": command((*scriptWorld).change), "equal": command((*scriptWorld).equal),
			"requests": command((*scriptWorld).requests), "proxied": command((*scriptWorld).proxied),
		},
	})
}

// build builds the program as it is released, and returns where it is.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", dir, "../../cmd/syncer")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return dir
}

// scriptWorld is what one script has started.
type scriptWorld struct {
	database string // its connection string, past any pooler
	logto    *logtotest.Server
	proxy    *ProxyOrPooler // the nginx in front
	logged   int            // lines of its access log that were looked at
}

// command makes a method a command that fails the script with its error.
func command(f func(*scriptWorld, *testscript.TestScript, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("! is not supported")
		}
		ts.Check(f(ts.Value("world").(*scriptWorld), ts, args))
	}
}

// patience is for what starts on a busy machine.
const patience = 20 * time.Minute

func (w *scriptWorld) startTenant(ts *testscript.TestScript, args []string) error {
	users, err := numbers(args, 1)
	if err != nil {
		return err
	}
	w.logto = logtotest.Start(logtotest.Generate(logtotest.Options{Users: users[0], Seed: 1, Ties: true}))
	ts.Defer(w.logto.Close)
	ts.Setenv("LOGTO_ENDPOINT", w.logto.URL)
	ts.Setenv("LOGTO_APP_ID", w.logto.AppID)
	ts.Setenv("LOGTO_APP_SECRET", w.logto.AppSecret)
	return nil
}

// bypassPooler sets DATABASE_URL to the database itself.
func (w *scriptWorld) bypassPooler(ts *testscript.TestScript, _ []string) error {
	ts.Setenv("DATABASE_URL", w.database)
	return nil
}

// started takes a new server into the script, which ends it.
func (w *scriptWorld) started(ts *testscript.TestScript, start func(ctx context.Context) (*ProxyOrPooler, error)) (*ProxyOrPooler, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := start(ctx)
	if err != nil {
		return nil, err
	}
	ts.Defer(func() { ts.Check(s.Close()) })
	return s, nil
}

func (w *scriptWorld) startNginx(ts *testscript.TestScript, args []string) (err error) {
	w.proxy, err = w.started(ts, func(ctx context.Context) (*ProxyOrPooler, error) {
		return Nginx(ctx, ts.Getenv("LOGTO_ENDPOINT"), args...)
	})
	if err == nil {
		ts.Setenv("LOGTO_ENDPOINT", "http://"+w.proxy.Addr)
	}
	return err
}

func (w *scriptWorld) startNginxTLS(ts *testscript.TestScript, args []string) (err error) {
	w.proxy, err = w.started(ts, func(ctx context.Context) (*ProxyOrPooler, error) {
		return NginxTLS(ctx, ts.Getenv("LOGTO_ENDPOINT"), args...)
	})
	if err == nil {
		ts.Setenv("LOGTO_ENDPOINT", "https://"+w.proxy.Addr)
		ts.Setenv("SSL_CERT_FILE", filepath.Join(w.proxy.Dir, "ca.pem"))
	}
	return err
}

func (w *scriptWorld) startHAProxy(ts *testscript.TestScript, _ []string) error {
	s, err := w.started(ts, func(ctx context.Context) (*ProxyOrPooler, error) {
		return HAProxy(ctx, ts.Getenv("LOGTO_ENDPOINT"))
	})
	if err == nil {
		ts.Setenv("LOGTO_ENDPOINT", "http://"+s.Addr)
	}
	return err
}

func (w *scriptWorld) startPgBouncer(ts *testscript.TestScript, args []string) error {
	s, err := w.started(ts, func(ctx context.Context) (*ProxyOrPooler, error) {
		return PgBouncer(ctx, w.database, args...)
	})
	if err != nil {
		return err
	}
	url, err := s.PooledURL(w.database)
	ts.Setenv("DATABASE_URL", url)
	return err
}

func (w *scriptWorld) exits(ts *testscript.TestScript, args []string) error {
	want, err := numbers(args[:1], 1)
	if err != nil {
		return err
	}
	code := 0
	err = ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code, err = exit.ExitCode(), nil
	}
	if err == nil && code != want[0] {
		err = fmt.Errorf("exit code %d, want %d", code, want[0])
	}
	return err
}

func (w *scriptWorld) change(_ *testscript.TestScript, args []string) error {
	n, err := numbers(args, 1)
	if err != nil {
		return err
	}
	var ids []string
	for _, row := range w.logto.Tenant.Rows("users") {
		ids = append(ids, row["id"].(string))
	}
	slices.Sort(ids)
	for i := range n[0] {
		_, err := w.logto.Tenant.CreateUser(logtotest.Row{"name": "New"})
		err = errors.Join(err, w.logto.Tenant.UpdateUser(ids[2*i], logtotest.Row{"name": "Changed"}), w.logto.Tenant.DeleteUser(ids[2*i+1]))
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *scriptWorld) equal(*testscript.TestScript, []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	pool, err := pgxpool.New(ctx, w.database)
	if err != nil {
		return err
	}
	defer pool.Close()
	var tables []string
	for _, l := range catalog.Select(nil) {
		for _, table := range l.Tables() {
			tables = append(tables, table.Name)
		}
	}
	diff, err := mirrortest.DiffTenant(ctx, pool, "logto", w.logto.Tenant, tables...)
	if err == nil && diff != "" {
		err = fmt.Errorf("mirror (+) and tenant (-) differ:\n%s", diff)
	}
	return err
}

func (w *scriptWorld) requests(ts *testscript.TestScript, args []string) error {
	n := w.logto.RequestsMatching("") + w.logto.RequestsMatching("/oidc/token")
	w.logto.ResetCounters()
	ts.Logf("%d requests", n)
	return within("requests", n, args)
}

func (w *scriptWorld) proxied(_ *testscript.TestScript, args []string) error {
	log, err := w.proxy.Log("access.log")
	if err != nil {
		return err
	}
	n, lines := 0, strings.Split(strings.TrimSuffix(log, "\n"), "\n")
	for _, line := range lines[w.logged:] {
		if strings.Contains(line, `" `+args[0]+" ") {
			n++
		}
	}
	w.logged = len(lines)
	return within("answers of status "+args[0], n, args[1:])
}

func within(what string, n int, bounds []string) error {
	b, err := numbers(bounds, 2)
	if err == nil && (n < b[0] || n > b[1]) {
		err = fmt.Errorf("%d %s, want %d to %d", n, what, b[0], b[1])
	}
	return err
}

func numbers(args []string, n int) ([]int, error) {
	if len(args) != n {
		return nil, fmt.Errorf("%d arguments, want %d", len(args), n)
	}
	values := make([]int, n)
	var err error
	for i, arg := range args {
		if values[i], err = strconv.Atoi(arg); err != nil {
			return nil, err
		}
	}
	return values, nil
}
