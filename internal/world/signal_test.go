package world_test

import (
	"bytes"
	"context"
	"fmt"
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

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres/pgtest"
)

// fromSignalToExit is what an operator, systemd or Kubernetes waits at most.
const fromSignalToExit = 10 * time.Second

// A waitCase is a process that is going to wait for something that does not come.
type waitCase struct {
	// prepare makes it wait; it may change the environment of the process. What
	// undo is returned ends that.
	prepare func(t *testing.T, s *waitFixture) (undo func())
	// reached returns when it waits.
	reached   func(t *testing.T, s *waitFixture)
	serveCode int // with which syncer serve ends
}

// waitFixture is where such a process runs.
type waitFixture struct {
	server *logtotest.Server
	pool   *pgxpool.Pool
	env    map[string]string
	jobs   string // jobs.yaml
	bin    string
	dir    string
	stderr *lineBuffer
	hit    chan struct{} // closed when the server holds a request
	ended  chan struct{} // closed when the process has ended
}

// lineBuffer is what the process has written to stderr until now.
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
func until(t *testing.T, s *waitFixture, what string, met func(ctx context.Context) bool) {
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
func logged(text string) func(t *testing.T, s *waitFixture) {
	return func(t *testing.T, s *waitFixture) {
		t.Helper()
		until(t, s, text, func(context.Context) bool { return strings.Contains(s.stderr.String(), text) })
	}
}

// inDatabase waits until a session of the run waits for a lock in a statement like that.
func inDatabase(statement string) func(t *testing.T, s *waitFixture) {
	return func(t *testing.T, s *waitFixture) {
		t.Helper()
		until(t, s, "a lock in "+statement, func(ctx context.Context) (waits bool) {
			const sql = `select exists (select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
				and wait_event_type = 'Lock' and query ilike '%' || $1 || '%')`
			return s.pool.QueryRow(ctx, sql, statement).Scan(&waits) == nil && waits
		})
	}
}

// hold opens a transaction that lasts until release is called or the test ends.
func (s *waitFixture) hold(t *testing.T, statement string) (release func()) {
	t.Helper()
	tx, err := s.pool.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), statement)
	}
	if err != nil {
		t.Fatal(err)
	}
	release = func() { _ = tx.Rollback(context.Background()) } // what it holds ends anyhow
	t.Cleanup(release)
	return release
}

// set changes a variable of the process's environment.
func (s *waitFixture) set(name, value string) (undo func()) {
	before := s.env[name]
	s.env[name] = value
	return func() { s.env[name] = before }
}

func waitCases() map[string]waitCase {
	return map[string]waitCase{
		"for another attempt": {
			prepare: func(t *testing.T, s *waitFixture) func() {
				t.Helper()
				l := listen(t)
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				return s.set("LOGTO_ENDPOINT", "http://"+l.Addr().String())
			},
			reached: logged("trying again"),
		},
		"for an answer": {
			prepare: func(_ *testing.T, s *waitFixture) func() {
				var once sync.Once
				s.server.OnRequest(func(_ int, r *http.Request) {
					once.Do(func() { close(s.hit) })
					<-r.Context().Done()
				})
				return func() { s.server.OnRequest(nil) }
			},
			reached: func(t *testing.T, s *waitFixture) { s.waitUntilHit(t) },
		},
		"for a server that throttles": {
			prepare: func(_ *testing.T, s *waitFixture) func() {
				return s.server.Inject(logtotest.Fault{Kind: logtotest.Status, Status: http.StatusTooManyRequests, RetryAfter: 200 * time.Second})
			},
			reached: logged("server throttles requests"),
		},
		"for the rate limiter": {
			prepare: func(_ *testing.T, s *waitFixture) func() {
				before := s.jobs
				s.jobs = strings.Replace(s.jobs, "#limit: {requests: 200, per: 10s}", "limit: {requests: 1, per: 1h} ", 1)
				return func() { s.jobs = before }
			},
			reached: func(t *testing.T, s *waitFixture) {
				t.Helper()
				until(t, s, "a permit", func(ctx context.Context) (runs bool) { // with its first request, which is for a token
					const sql = "select exists (select from syncer.runs where status = 'running')"
					return s.pool.QueryRow(ctx, sql).Scan(&runs) == nil && runs
				})
			},
		},
		"for a table that somebody has locked": {
			prepare: func(t *testing.T, s *waitFixture) func() {
				t.Helper()
				s.run(t)
				if _, err := s.server.Tenant.CreateUser(logtotest.Row{"name": "New"}); err != nil {
					t.Fatal(err)
				}
				return s.hold(t, "lock table logto.users in share mode")
			},
			reached: inDatabase("logto"),
		},
		"for an index": {
			prepare: func(t *testing.T, s *waitFixture) func() {
				t.Helper()
				s.run(t)
				if _, err := s.pool.Exec(t.Context(), "drop index logto.users_created_at"); err != nil {
					t.Fatal(err)
				}
				return s.hold(t, "lock table logto.users in row exclusive mode")
			},
			reached: inDatabase("create index"),
		},
		"for a database that does not answer": {
			prepare: func(t *testing.T, s *waitFixture) func() {
				t.Helper()
				l := listen(t)
				go func() {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					defer conn.Close()
					close(s.hit)
					_, _ = io.Copy(io.Discard, conn)
				}()
				return s.set("DATABASE_URL", "postgres://u@"+l.Addr().String()+"/db?sslmode=disable&connect_timeout=60")
			},
			reached:   func(t *testing.T, s *waitFixture) { s.waitUntilHit(t) },
			serveCode: 130, // it has not started yet
		},
		"for a database that no longer answers": {
			prepare: func(t *testing.T, s *waitFixture) func() {
				t.Helper()
				undo := s.set("DATABASE_URL", s.relay(t))
				s.server.OnRequest(func(n int, r *http.Request) {
					if n == 5 {
						close(s.hit) // from now on nothing passes
					}
					if n >= 5 {
						<-r.Context().Done()
					}
				})
				return func() { undo(); s.server.OnRequest(nil) }
			},
			reached:   func(t *testing.T, s *waitFixture) { s.waitUntilHit(t) },
			serveCode: 1, // the queue does not know that it ended
		},
	}
}

// waitUntilHit waits until the process is where it is to be hit, and fails if it ends
// before.
func (s *waitFixture) waitUntilHit(t *testing.T) {
	t.Helper()
	select {
	case <-s.hit:
	case <-s.ended:
		t.Fatalf("the process ended before it had to wait; it said\n%s", s.stderr)
	}
}

// relay stands between the process and the database until s.hit is closed: from
// then on it passes nothing more, and keeps the connections. It returns the
// connection string.
func (s *waitFixture) relay(t *testing.T) string {
	t.Helper()
	database, err := pgx.ParseConfig(s.env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	network, address := pgconn.NetworkAddress(database.Host, database.Port)
	l := listen(t)
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial(network, address)
			if err != nil {
				_ = client.Close()
				continue
			}
			t.Cleanup(func() { _, _ = client.Close(), server.Close() })
			go s.pass(client, server)
			go s.pass(server, client)
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=%s sslmode=disable", port, database.User, database.Password, database.Database)
}

// pass copies what arrives until s.hit is closed, and then drops it.
func (s *waitFixture) pass(to, from net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-s.hit:
		default:
			if err == nil {
				_, err = to.Write(buffer[:n])
			}
		}
		if err != nil {
			_, _ = to.Close(), from.Close()
			return
		}
	}
}

// listen listens on a port until the test ends.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestSIGTERMIsHeardInEveryWait(t *testing.T) {
	t.Parallel()
	bin := build(t)
	for name, tc := range waitCases() {
		t.Run("run waits "+name, func(t *testing.T) {
			t.Parallel()
			tc.wantEndAndResume(t, newWaitFixture(t, bin), 130, "run")
		})
		t.Run("serve waits "+name, func(t *testing.T) {
			t.Parallel()
			tc.wantEndAndResume(t, newWaitFixture(t, bin), tc.serveCode, "serve", "--listen", "127.0.0.1:0")
		})
	}
}

// wantEndAndResume sends the process SIGTERM while it waits. It fails unless the
// process ends in time and, once it need not wait any more, a run publishes.
func (tc waitCase) wantEndAndResume(t *testing.T, s *waitFixture, code int, args ...string) {
	t.Helper()
	undo := tc.prepare(t, s)
	cmd := s.command(t, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var err error
	go func() {
		err = cmd.Wait()
		close(s.ended)
	}()
	tc.reached(t, s)
	sent := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	took := time.Since(sent)
	if have := cmd.ProcessState.ExitCode(); have != code {
		t.Errorf("it ended with %v, want exit code %d; it said\n%s", err, code, s.stderr)
	}
	if t.Logf("ended after %v", took); took > fromSignalToExit {
		t.Errorf("it ended after %v, want %v at most", took, fromSignalToExit)
	}
	undo()
	s.run(t)
	var unfinished, users int
	const sql = "select (select count(*) from syncer.runs where status in ('running', 'stopped')), (select count(*) from logto.users)"
	if err := s.pool.QueryRow(t.Context(), sql).Scan(&unfinished, &users); err != nil {
		t.Fatal(err)
	}
	if want := len(s.server.Tenant.IDs("users")); unfinished != 0 || users != want {
		t.Errorf("after the next run %d runs are unfinished, and the mirror has %d users of %d", unfinished, users, want)
	}
}

func newWaitFixture(t *testing.T, bin string) *waitFixture {
	t.Helper()
	server := logtotest.Start(logtotest.Generate(logtotest.Options{Users: 200, Seed: 1}))
	t.Cleanup(server.Close)
	database := pgtest.NewDatabaseURL(t, nil)
	pool, err := pgxpool.New(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	jobs, err := os.ReadFile("../../jobs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// serve runs the job at once, and again and again.
	often := strings.NewReplacer(`schedule: "30 2 * * *" `, `schedule: "@every 1s"`, "jitter: 30s", "jitter: 0s")
	return &waitFixture{
		server: server, pool: pool, bin: bin, dir: t.TempDir(), jobs: often.Replace(string(jobs)), stderr: &lineBuffer{}, hit: make(chan struct{}), ended: make(chan struct{}),
		env: map[string]string{
			"LOGTO_ENDPOINT": server.URL, "LOGTO_APP_ID": server.AppID, "LOGTO_APP_SECRET": server.AppSecret, "DATABASE_URL": database,
		},
	}
}

// command is the program.
func (s *waitFixture) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "jobs.yaml"), []byte(s.jobs), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(s.bin, "syncer"), args...)
	cmd.Dir, cmd.Env, cmd.Stderr = s.dir, os.Environ(), s.stderr
	for name, value := range s.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// run runs syncer run to its end.
func (s *waitFixture) run(t *testing.T) {
	t.Helper()
	if err := s.command(t, "run").Run(); err != nil {
		t.Fatalf("a run that need not wait: %v\n%s", err, s.stderr)
	}
}
