package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror/mirrortest"
	"logto-syncer/internal/postgres/pgtest"
)

// A fixture is a simulated Logto and a database, for programs in processes of
// their own.
type fixture struct {
	server *logtotest.Server
	url    string
	pool   *pgxpool.Pool
	env    []string
	dir    string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureOf(t, logtotest.Options{Users: 400, Seed: 2, Ties: true})
}

func newFixtureOf(t *testing.T, options logtotest.Options) *fixture {
	t.Helper()
	server := logtotest.Start(logtotest.Generate(options))
	t.Cleanup(server.Close)
	s := &fixture{server: server, dir: t.TempDir()}
	s.renewDatabase(t)
	if err := ownJobs(s.dir); err != nil {
		t.Fatal(err)
	}
	return s
}

// renewDatabase gives the fixture a database with nothing in it.
func (s *fixture) renewDatabase(t *testing.T) {
	t.Helper()
	s.url = pgtest.NewDatabaseURL(t, nil)
	s.env = environment(s.server, s.url)
	s.pool = must[*pgxpool.Pool](t, "connect")(pgxpool.New(t.Context(), s.url))
	t.Cleanup(s.pool.Close)
}

// A process is the program running.
type process struct {
	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr *bufio.Reader
	out    strings.Builder // what wait has read of stdout
	errs   strings.Builder // and of stderr
}

// start starts the program, which ends with the test if it has not before.
func (s *fixture) start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.CommandContext(t.Context(), "syncer", args...)}
	p.cmd.Dir, p.cmd.Env = s.dir, append(os.Environ(), s.env...)
	p.stdout = bufio.NewReader(must[io.ReadCloser](t, "open stdout")(p.cmd.StdoutPipe()))
	p.stderr = bufio.NewReader(must[io.ReadCloser](t, "open stderr")(p.cmd.StderrPipe()))
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// awaitError reads stderr until a line has the text.
func (p *process) awaitError(t *testing.T, text string) {
	t.Helper()
	for {
		line, err := p.stderr.ReadString('\n')
		if strings.Contains(line, text) {
			return
		}
		if err != nil {
			t.Fatalf("stderr ended without %q: %v", text, err)
		}
	}
}

// wait returns the exit code; -1 if a signal ended the process.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	return must[int](t, "wait for the program")(p.end())
}

// end is wait for goroutines other than the test's.
func (p *process) end() (code int, err error) {
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = p.stderr.WriteTo(&p.errs) })
	wg.Go(func() { _, _ = p.stdout.WriteTo(&p.out) })
	wg.Wait()
	err = p.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// hold lets so many requests pass and holds the others until release is
// called, or the test ends. held is closed when the first is.
func (s *fixture) hold(t *testing.T, pass int) (held <-chan struct{}, release func()) {
	t.Helper()
	s.server.ResetCounters()
	reached, open := make(chan struct{}), make(chan struct{})
	var first, last sync.Once
	s.server.OnRequest(func(n int, r *http.Request) {
		if n <= pass {
			return
		}
		first.Do(func() { close(reached) })
		select {
		case <-open:
		case <-r.Context().Done():
		}
	})
	release = func() {
		s.server.OnRequest(nil)
		last.Do(func() { close(open) })
	}
	t.Cleanup(release)
	return reached, release
}

// published is what a reader sees of the users: a digest, empty before the
// first migration.
func (s *fixture) published(t *testing.T) string {
	t.Helper()
	var digest string
	err := s.pool.QueryRow(t.Context(), "select count(*) || ' ' || coalesce(md5(string_agg(u::text, ',' order by id)), '') from logto.users u").Scan(&digest)
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

// awaitUnlocked waits until no process works on the tenant: the lock of one
// that was killed goes when the server has noticed.
func (s *fixture) awaitUnlocked(t *testing.T) {
	t.Helper()
	conn := must[*pgxpool.Conn](t, "connect")(s.pool.Acquire(t.Context()))
	defer conn.Release()
	const key = "(hashtextextended('logto', x'6c6f67746f'::bigint))"
	if _, err := conn.Exec(t.Context(), "select pg_advisory_lock"+key); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "select pg_advisory_unlock"+key); err != nil {
		t.Fatal(err)
	}
}

// wantEqual fails unless the mirror equals the tenant.
func (s *fixture) wantEqual(t *testing.T) {
	t.Helper()
	var tables []string
	for _, l := range catalog.Select(nil) {
		for _, table := range l.Tables() {
			tables = append(tables, table.Name)
		}
	}
	diff, err := mirrortest.DiffTenant(t.Context(), s.pool, "logto", s.server.Tenant, tables...)
	if err != nil {
		t.Fatal(err)
	}
	if diff != "" {
		t.Errorf("mirror (+) and tenant (-) differ:\n%s", diff)
	}
}

// change changes enough for a run to have something to publish.
func (s *fixture) change(t *testing.T) {
	t.Helper()
	for _, id := range simulatedRowIDs(s.server.Tenant, "users")[:20] {
		if err := s.server.Tenant.UpdateUser(id, logtotest.Row{"name": "Changed"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTwoRunsAtOnceOneWorksAndOneSaysSo(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	held, release := s.hold(t, 5)
	first := s.start(t, "run")
	<-held
	code, stdout, stderr := inProcess(t, s.env, "run", "-c", s.dir+"/jobs.yaml", "--json")
	if code != exitRunning {
		t.Errorf("the second run: want exit %d, have %d: %s", exitRunning, code, stderr)
	}
	if !strings.Contains(last(stdout), `"type":"error","tenant":"logto"`) || !strings.Contains(stderr, "another run is working on this tenant") {
		t.Errorf("the second run says\n%s\n%s", last(stdout), stderr)
	}
	for _, args := range [][]string{{"forget", "nobody", "--yes"}, {"verify"}} {
		code, _, stderr := inProcess(t, s.env, append(args, "-c", s.dir+"/jobs.yaml")...)
		if code != exitRunning || !strings.Contains(stderr, "another run is working on this tenant") {
			t.Errorf("%v while a run is on: want exit %d, have %d: %s", args, exitRunning, code, stderr)
		}
	}
	_, status, _ := inProcess(t, s.env, "status", "-c", s.dir+"/jobs.yaml")
	if !strings.Contains(status, "running") || !strings.Contains(status, "is reading") {
		t.Errorf("status does not say that a run is under way:\n%s", status)
	}
	release()
	if code := first.wait(t); code != exitDone {
		t.Errorf("the first run: exit %d", code)
	}
	s.wantEqual(t)
}

func TestAKilledRunLeavesTheTablesAndIsResumed(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]struct{ pass int }{
		"in the middle": {pass: 30},
		"at the start":  {pass: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFixture(t)
			if code, _, stderr := inProcess(t, s.env, "run", "-c", s.dir+"/jobs.yaml"); code != exitDone {
				t.Fatalf("the first run: exit %d: %s", code, stderr)
			}
			before := s.published(t)
			s.change(t)
			held, release := s.hold(t, killed.pass)
			p := s.start(t, "run")
			<-held
			if err := p.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if code := p.wait(t); code != -1 {
				t.Fatalf("want it killed, have exit %d", code)
			}
			release()
			s.awaitUnlocked(t)
			if diff := cmp.Diff(before, s.published(t)); diff != "" {
				t.Errorf("the killed run has changed what is published:\n%s", diff)
			}
			_, status, _ := inProcess(t, s.env, "status", "-c", s.dir+"/jobs.yaml")
			if !strings.Contains(status, "killed") || !strings.Contains(status, "its process died") {
				t.Errorf("status does not say that the run was killed:\n%s", status)
			}
			code, stdout, stderr := inProcess(t, s.env, "run", "-c", s.dir+"/jobs.yaml", "--json")
			if code != exitDone || !strings.Contains(last(stdout), `"resumed":true`) {
				t.Errorf("want it resumed and done, have exit %d: %s\n%s", code, last(stdout), stderr)
			}
			s.wantEqual(t)
		})
	}
}

func TestTheFirstInterruptionLeavesAResumableRun(t *testing.T) {
	t.Parallel()
	for name, sig := range map[string]os.Signal{"Ctrl-C": os.Interrupt, "SIGTERM": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFixture(t)
			held, release := s.hold(t, 20)
			p := s.start(t, "run", "--json")
			<-held
			if err := p.cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			p.awaitError(t, "finishing the requests under way")
			release() // what is under way is answered and kept
			if code := p.wait(t); code != exitInterrupted {
				t.Errorf("want exit %d, have %d", exitInterrupted, code)
			}
			if got := p.out.String(); !strings.Contains(got, `"type":"summary","status":"stopped"`) || !strings.Contains(got, `"resumable":true`) {
				t.Errorf("want a summary that says it can be resumed, have\n%s", got)
			}
			code, stdout, stderr := inProcess(t, s.env, "run", "-c", s.dir+"/jobs.yaml", "--json")
			if code != exitDone || !strings.Contains(last(stdout), `"resumed":true`) {
				t.Errorf("want it resumed and done, have exit %d: %s\n%s", code, last(stdout), stderr)
			}
			s.wantEqual(t)
		})
	}
}

func TestTheSecondInterruptionStopsAtOnce(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	held, _ := s.hold(t, 20)
	p := s.start(t, "run")
	<-held
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.awaitError(t, "finishing the requests under way")
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t); code != exitInterrupted { // though the requests are still held
		t.Errorf("want exit %d, have %d", exitInterrupted, code)
	}
}

func TestTheSimulatedLogtoServesAndEnds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args  []string
		users string
	}{
		"a tenant made up, with bad habits": {strings.Fields("--users 150 --organizations 3 --ties --churn 50/s --fail 0.02 --latency 0-1ms --throttle"), ""},
		"a tenant made up, left alone":      {strings.Fields("--users 150"), "150 users"},
		"a tenant from a file":              {[]string{"--tenant", must[string](t, "locate")(filepath.Abs("../../internal/logtotest/testdata/tenant.json"))}, "1,301 users"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			simulated(t, tc.args, tc.users)
		})
	}
}

func simulated(t *testing.T, args []string, users string) {
	t.Helper()
	s := newFixture(t)
	p := s.start(t, append([]string{"simulate", "--listen", "127.0.0.1:0", "--json"}, args...)...)
	var fields struct {
		Endpoint string `json:"endpoint"`
		ID       string `json:"app_id"`
		Secret   string `json:"app_secret"`
	}
	if err := json.NewDecoder(p.stdout).Decode(&fields); err != nil {
		t.Fatal(err)
	}
	env := []string{"LOGTO_ENDPOINT=" + fields.Endpoint, "LOGTO_APP_ID=" + fields.ID, "LOGTO_APP_SECRET=" + fields.Secret, "DATABASE_URL=" + s.url}
	code, stdout, stderr := inProcess(t, env, "check", "-c", s.dir+"/jobs.yaml")
	if code != exitDone || !strings.Contains(stdout, users) {
		t.Errorf("check: exit %d, want %s\n%s\n%s", code, users, stdout, stderr)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t); code != exitDone {
		t.Errorf("Ctrl-C is how it is meant to end, have exit %d", code)
	}
}

func TestARunWithoutADatabaseKeepsItsOwn(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	s.env = append(s.env, "DATABASE_URL=") // the last one counts
	if code := s.start(t, "run", "-q").wait(t); code != exitDone {
		t.Fatalf("run: exit %d", code)
	}
	p := s.start(t, "status", "--max-age", "1h")
	if code := p.wait(t); code != exitDone {
		t.Errorf("status of a mirror that was left and come back to: exit %d\n%s", code, p.out.String())
	}
}
