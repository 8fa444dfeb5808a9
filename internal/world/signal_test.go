package world_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres/pgtest"
)

// fromSignalToExit is what an operator, systemd or Kubernetes waits at most.
const fromSignalToExit = 10 * time.Second

// A waitCase is a run that is going to wait for something that does not come.
type waitCase struct {
	// prepare makes it wait; it may change the environment of the run.
	prepare func(t *testing.T, s *waitStage)
	// reached returns when it waits.
	reached func(t *testing.T, s *waitStage)
}

// waitStage is where such a run runs.
type waitStage struct {
	server *logtotest.Server
	pool   *pgxpool.Pool
	env    map[string]string
	jobs   string // jobs.yaml
	bin    string
	dir    string
	stderr *lineBuffer
	hit    chan struct{} // closed when the server holds a request
}

// lineBuffer is what the run has written to stderr until now.
type lineBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lineBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lineBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// until waits for a condition.
func until(t *testing.T, s *waitStage, what string, met func(ctx context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !met(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("it never waited for %s; it said\n%s", what, s.stderr)
		}
	}
}

// logged waits until the run has logged a text.
func logged(text string) func(t *testing.T, s *waitStage) {
	return func(t *testing.T, s *waitStage) {
		t.Helper()
		until(t, s, text, func(context.Context) bool { return strings.Contains(s.stderr.String(), text) })
	}
}

// inDatabase waits until a session of the run waits for a lock in a statement like that.
func inDatabase(statement string) func(t *testing.T, s *waitStage) {
	return func(t *testing.T, s *waitStage) {
		t.Helper()
		until(t, s, "a lock in "+statement, func(ctx context.Context) (waits bool) {
			const sql = `select exists (select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
				and wait_event_type = 'Lock' and query ilike '%' || $1 || '%')`
			return s.pool.QueryRow(ctx, sql, statement).Scan(&waits) == nil && waits
		})
	}
}

// hold opens a transaction that lasts until the test ends.
func (s *waitStage) hold(t *testing.T, statement string) {
	t.Helper()
	tx, err := s.pool.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), statement)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) }) // what it holds ends anyhow
}

func waitCases() map[string]waitCase {
	nobody := func(t *testing.T, s *waitStage) {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.env["LOGTO_ENDPOINT"] = "http://" + l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]waitCase{
		"for another attempt": {nobody, logged("trying again")},
		"for an answer": {func(_ *testing.T, s *waitStage) {
			var once sync.Once
			s.server.OnRequest(func(_ int, r *http.Request) {
				once.Do(func() { close(s.hit) })
				<-r.Context().Done()
			})
		}, func(_ *testing.T, s *waitStage) { <-s.hit }},
		"for a server that throttles": {func(_ *testing.T, s *waitStage) {
			s.server.Inject(logtotest.Fault{Kind: logtotest.Status, Status: http.StatusTooManyRequests, RetryAfter: 200 * time.Second})
		}, logged("server throttles requests")},
		"for the rate limiter": {func(_ *testing.T, s *waitStage) {
			s.jobs = strings.Replace(s.jobs, "#limit: {requests: 200, per: 10s}", "limit: {requests: 1, per: 1h} ", 1)
		}, func(t *testing.T, s *waitStage) {
			t.Helper()
			until(t, s, "its turn", func(ctx context.Context) (runs bool) { // with its first request, which is for a token
				const sql = "select exists (select from syncer.runs where status = 'running')"
				return s.pool.QueryRow(ctx, sql).Scan(&runs) == nil && runs
			})
		}},
		"for a table that somebody has locked": {func(t *testing.T, s *waitStage) {
			t.Helper()
			s.run(t)
			if _, err := s.server.Tenant.CreateUser(logtotest.Row{"name": "New"}); err != nil {
				t.Fatal(err)
			}
			s.hold(t, "lock table logto.users in share mode")
		}, inDatabase("logto")},
		"for an index": {func(t *testing.T, s *waitStage) {
			t.Helper()
			s.run(t)
			if _, err := s.pool.Exec(t.Context(), "drop index logto.users_created_at"); err != nil {
				t.Fatal(err)
			}
			s.hold(t, "lock table logto.users in row exclusive mode")
		}, inDatabase("create index")},
		"for a database that does not answer": {func(t *testing.T, s *waitStage) {
			t.Helper()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				close(s.hit)
				_, _ = io.Copy(io.Discard, conn)
			}()
			s.env["DATABASE_URL"] = "postgres://u@" + l.Addr().String() + "/db?sslmode=disable&connect_timeout=60"
		}, func(_ *testing.T, s *waitStage) { <-s.hit }},
	}
}

func TestSIGTERMIsHeardInEveryWait(t *testing.T) {
	t.Parallel()
	bin := build(t)
	for name, tc := range waitCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newWaitStage(t, bin)
			tc.prepare(t, s)
			cmd := s.command(t)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			tc.reached(t, s)
			sent := time.Now()
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			err := cmd.Wait()
			took := time.Since(sent)
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 130 {
				t.Errorf("it ended with %v, want exit code 130; it said\n%s", err, s.stderr)
			}
			if t.Logf("ended after %v", took); took > fromSignalToExit {
				t.Errorf("it ended after %v, want %v at most", took, fromSignalToExit)
			}
		})
	}
}

func newWaitStage(t *testing.T, bin string) *waitStage {
	t.Helper()
	server := logtotest.Start(logtotest.Generate(logtotest.Options{Users: 200, Seed: 1}))
	t.Cleanup(server.Close)
	database := pgtest.URL(t, nil)
	pool, err := pgxpool.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	jobs, err := os.ReadFile("../../jobs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return &waitStage{
		server: server, pool: pool, bin: bin, dir: t.TempDir(), jobs: string(jobs), stderr: &lineBuffer{}, hit: make(chan struct{}),
		env: map[string]string{
			"LOGTO_ENDPOINT": server.URL, "LOGTO_APP_ID": server.AppID, "LOGTO_APP_SECRET": server.AppSecret, "DATABASE_URL": database,
		},
	}
}

// command is syncer run.
func (s *waitStage) command(t *testing.T) *exec.Cmd {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "jobs.yaml"), []byte(s.jobs), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(s.bin, "syncer"), "run")
	cmd.Dir, cmd.Env, cmd.Stderr = s.dir, os.Environ(), s.stderr
	for name, value := range s.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// run runs the program to its end.
func (s *waitStage) run(t *testing.T) {
	t.Helper()
	if err := s.command(t).Run(); err != nil {
		t.Fatalf("the first run: %v\n%s", err, s.stderr)
	}
}
