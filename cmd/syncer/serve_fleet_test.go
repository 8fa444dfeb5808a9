package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror/mirrortest"
	"logto-syncer/internal/postgres/pgtest"
)

const (
	serveToken  = "a token for tests"
	fleetLimit  = 20
	fleetWindow = 2 * time.Second
)

// A fleet is many simulated tenants, one database, and processes of syncer
// serve that share the work.
type fleet struct {
	tenants []*simulated1
	url     string
	pool    *pgxpool.Pool
	dir     string
	lines   chan logLine
	reading sync.WaitGroup
}

// simulated1 is one tenant of a fleet, which knows who has asked it.
type simulated1 struct {
	name   string
	server *logtotest.Server

	mu     sync.Mutex
	tokens []string // in the order in which they were first used; each run has one of its own
	mixed  bool     // a run has asked again after another had begun
}

// A logLine is what a process logs, as far as tests look at it.
type logLine struct {
	Message string `json:"msg"`
	Tenant  string `json:"tenant"`
	Status  string `json:"status"`
	Resumed bool   `json:"resumed"`
	Error   string `json:"error"`
	from    *served
}

// A served is a process of syncer serve.
type served struct {
	*process
	address string
}

// newFleet makes so many tenants of so many users. more is added to the
// configuration.
func newFleet(t *testing.T, tenants, users int, more string) *fleet {
	t.Helper()
	f := &fleet{url: pgtest.NewDatabaseURL(t, nil), dir: t.TempDir(), lines: make(chan logLine, 1000)}
	f.pool = must[*pgxpool.Pool](t, "connect")(pgxpool.New(t.Context(), f.url))
	t.Cleanup(f.pool.Close)
	var yaml strings.Builder
	fmt.Fprintf(&yaml, "database: %q\ntenants:\n", f.url)
	for i := range tenants {
		s := &simulated1{name: fmt.Sprintf("tenant-%02d", i)}
		s.server = logtotest.Start(logtotest.Generate(logtotest.Options{Users: users, Seed: uint64(i + 1), Ties: true}))
		t.Cleanup(s.server.Close)
		s.server.OnRequest(s.asked)
		f.tenants = append(f.tenants, s)
		fmt.Fprintf(&yaml, "  - {name: %s, endpoint: %q, resource: %q, app_id: %q, app_secret: %q, concurrency: 3, limit: {requests: %d, per: %s}}\n",
			s.name, s.server.URL, s.server.Resource, s.server.AppID, s.server.AppSecret, fleetLimit, fleetWindow)
	}
	yaml.WriteString(more)
	f.write(t, yaml.String())
	return f
}

func (f *fleet) write(t *testing.T, yaml string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, "jobs.yaml"), []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
}

// asked notes by whom, which the token tells.
func (s *simulated1) asked(_ int, r *http.Request) {
	token := r.Header.Get("Authorization")
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.tokens); n > 0 && s.tokens[n-1] == token {
		return
	}
	for _, earlier := range s.tokens {
		s.mixed = s.mixed || earlier == token
	}
	s.tokens = append(s.tokens, token)
}

// serve starts a process and waits until it answers.
func (f *fleet) serve(t *testing.T) *served {
	t.Helper()
	s := &fixture{dir: f.dir}
	p := &served{process: s.start(t, "serve", "--listen", "127.0.0.1:0", "--json")}
	f.reading.Go(func() { f.read(p) })
	var ready struct{ Address string }
	if err := json.NewDecoder(p.stdout).Decode(&ready); err != nil {
		t.Fatalf("serve did not get ready: %v", err)
	}
	p.address = ready.Address
	return p
}

// read hands on what a process logs.
func (f *fleet) read(p *served) {
	scanner := bufio.NewScanner(p.stderr)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := logLine{Message: scanner.Text()}
		_ = json.Unmarshal(scanner.Bytes(), &line) // what is no JSON is a message
		line.from = p
		select {
		case f.lines <- line:
		default: // nobody looks any more
		}
	}
}

// await reads what is logged until enough says so.
func (f *fleet) await(t *testing.T, what string, enough func(logLine) bool) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Minute)
	defer deadline.Stop()
	for {
		select {
		case line := <-f.lines:
			if strings.Contains(line.Message, "DATA RACE") {
				t.Fatal("a process has a data race")
			}
			if enough(line) {
				return
			}
		case <-deadline.C:
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// awaitRuns waits for a proved run of so many tenants.
func (f *fleet) awaitRuns(t *testing.T, n int) {
	t.Helper()
	done := map[string]bool{}
	f.await(t, "runs", func(line logLine) bool {
		if line.Message == "run finished" {
			done[line.Tenant] = true
		}
		return len(done) == n
	})
}

// end stops a process and waits for it.
func (p *served) end(t *testing.T, sig os.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	return p.finish()
}

// finish waits for a process that ends, and returns its exit code.
func (p *served) finish() int {
	_, _ = io.Copy(io.Discard, p.stdout)
	_ = p.cmd.Wait() // what it says is the exit code
	return p.cmd.ProcessState.ExitCode()
}

// runNow asks a process to run a job for all its tenants.
func (p *served) runNow(t *testing.T, job string) {
	t.Helper()
	r := must[*http.Request](t, "make a request")(http.NewRequestWithContext(t.Context(), http.MethodPost, p.address+"/run",
		strings.NewReader(url.Values{"job": {job}}.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+serveToken)
	answer := must[*http.Response](t, "ask for a run")(http.DefaultClient.Do(r))
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Fatalf("POST /run: %s", answer.Status)
	}
}

// wantProved fails unless the mirror equals each tenant, nobody was asked by
// two at once, and no limit was broken.
func (f *fleet) wantProved(t *testing.T) {
	t.Helper()
	var tables []string
	for _, l := range catalog.Select(nil) {
		for _, table := range l.Tables() {
			tables = append(tables, table.Name)
		}
	}
	for _, s := range f.tenants {
		diff, err := mirrortest.DiffTenant(t.Context(), f.pool, s.name, s.server.Tenant, tables...)
		if err != nil {
			t.Fatal(err)
		}
		if diff != "" {
			t.Errorf("mirror (+) and %s (-) differ:\n%s", s.name, diff)
		}
		s.mu.Lock()
		if s.mixed {
			t.Errorf("%s was worked by two at once: %d tokens, one of them again after another", s.name, len(s.tokens))
		}
		s.mu.Unlock()
		if n := s.server.MaxRequestsIn(fleetWindow); n > fleetLimit {
			t.Errorf("%s: %d requests in %s, the limit is %d", s.name, n, fleetWindow, fleetLimit)
		}
	}
}

const fleetJobs = `
jobs: [{name: all, jitter: 0s}]
serve: {workers: 3, token: ` + serveToken + `, rescue_after: 2s}
`

func TestProcessesThatDieGiveTheirWorkToOthers(t *testing.T) {
	t.Parallel()
	const tenants = 30
	f := newFleet(t, tenants, 30, fleetJobs)
	processes := []*served{f.serve(t), f.serve(t), f.serve(t)}
	processes[0].runNow(t, "all")
	begun := map[*served]int{}
	f.await(t, "all three to be in the middle of something", func(line logLine) bool {
		if line.Message == "listing read" {
			begun[line.from]++
		}
		return begun[processes[0]] > 0 && begun[processes[1]] > 0 && begun[processes[2]] > 0
	})
	finished, resumed := map[string]bool{}, 0
	for _, p := range processes[:2] {
		if code := p.end(t, syscall.SIGKILL); code != -1 {
			t.Fatalf("want it killed, have exit %d", code)
		}
	}
	again := f.serve(t)
	f.await(t, "every tenant to be proved", func(line logLine) bool {
		if line.Message == "run finished" {
			finished[line.Tenant] = true
		}
		if line.Resumed {
			resumed++
		}
		return len(finished) == tenants
	})
	if resumed == 0 {
		t.Error("no run was resumed: what the dead were at began afresh, or they were at nothing")
	}
	f.wantProved(t)
	var runs int
	if err := f.pool.QueryRow(t.Context(), "select count(*) from syncer.runs").Scan(&runs); err != nil {
		t.Fatal(err)
	}
	if runs != tenants {
		t.Errorf("%d runs for %d tenants: some were begun twice", runs, tenants)
	}
	for _, p := range []*served{processes[2], again} {
		if code := p.end(t, syscall.SIGTERM); code != exitDone {
			t.Errorf("SIGTERM is how it is meant to end, have exit %d", code)
		}
	}
	f.reading.Wait()
}
