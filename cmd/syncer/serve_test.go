package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres"
)

func TestServeContinuesAfterPostgresIsRestarted(t *testing.T) {
	t.Parallel()
	options := postgres.Options{Dir: openDir(t)}
	server := must[*postgres.Server](t, "start a Postgres of its own")(postgres.Start(t.Context(), options))
	stopServer := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Minute)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Errorf("stop Postgres: %v", err)
		}
	}
	f := newFleet(t, 1, 100, `
jobs: [{name: all, schedule: "@every 2s", retries: 20}]
serve: {token: `+serveToken+`, rescue_after: 2s}
`)
	f.rewrite(t, f.url, server.URL("postgres"))
	p := f.serve(t)
	f.awaitRuns(t, 1)
	stopServer()
	f.await(t, "it to miss the database", func(line logLine) bool { return line.Message == "cannot write heartbeat" })
	server = must[*postgres.Server](t, "start it again")(postgres.Start(t.Context(), options))
	defer stopServer()
	for range 3 {
		f.awaitRuns(t, 1)
	}
	if code := p.end(t, syscall.SIGTERM); code != exitDone {
		t.Errorf("exit %d", code)
	}
	f.reading.Wait()
}

// openDir is t.TempDir that the user a Postgres runs as can reach.
func openDir(t *testing.T) string {
	t.Helper()
	dir := must[string](t, "make a directory")(os.MkdirTemp("/tmp", "syncer-test-")) //nolint:usetesting // its parent would be closed to others
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "postgres")
}

// rewrite replaces a text in the configuration.
func (f *fleet) rewrite(t *testing.T, before, after string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(f.dir, "jobs.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), before) {
		t.Fatalf("the configuration has no %s", before)
	}
	f.write(t, strings.ReplaceAll(string(data), before, after))
}

func TestServeReloadsAChangedConfiguration(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, 20, fleetJobs)
	p := f.serve(t)
	f.rewrite(t, "jobs: [{name: all, jitter: 0s}]", "jobs: [{name: all, schedule: never}]")
	hangUp := func() {
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangUp()
	f.await(t, "it to refuse", func(line logLine) bool {
		return strings.HasPrefix(line.Message, "the changed configuration is refused") && strings.Contains(line.Error, "jobs[0].schedule")
	})
	p.runNow(t, "all") // the one before is there
	f.awaitRuns(t, 2)
	f.rewrite(t, "jobs: [{name: all, schedule: never}]", `jobs: [{name: often, schedule: "@every 1s", tenants: [tenant-01]}]`)
	hangUp()
	f.await(t, "it to take it over", func(line logLine) bool { return line.Message == "configuration reloaded" })
	f.awaitRuns(t, 1)
	if code := p.end(t, syscall.SIGTERM); code != exitDone {
		t.Errorf("exit %d", code)
	}
	f.reading.Wait()
	f.wantProved(t)
}

func TestServeDrainsAndTheNextGoesOn(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1, 200, fleetJobs)
	tenant := f.tenants[0]
	reached, open := make(chan struct{}), make(chan struct{})
	tenant.server.OnRequest(func(n int, r *http.Request) {
		if n == 10 {
			close(reached)
		}
		if n >= 10 {
			select {
			case <-open:
			case <-r.Context().Done():
			}
		}
	})
	p := f.serve(t)
	p.runNow(t, "all")
	<-reached
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	f.await(t, "it to hear", func(line logLine) bool { return strings.Contains(line.Message, "finishing the requests under way") })
	close(open)
	if code := p.finish(); code != exitDone {
		t.Errorf("exit %d", code)
	}
	var status string
	var checkpoints int
	err := f.pool.QueryRow(t.Context(), `select status, (select count(*) from syncer.checkpoints) from syncer.runs`).Scan(&status, &checkpoints)
	if err != nil || status != "stopped" || checkpoints == 0 {
		t.Errorf("want a run that is stopped and has checkpoints, have %s with %d, %v", status, checkpoints, err)
	}
	next := f.serve(t)
	f.await(t, "the run to be resumed", func(line logLine) bool { return line.Message == "run finished" && line.Resumed })
	next.end(t, syscall.SIGTERM)
	f.reading.Wait()
}

// What a process had asked before it died counts against the limit of the one
// that goes on.
func TestTheLimitHoldsOverProcessesOneOfWhichDied(t *testing.T) {
	t.Parallel()
	const limit, window = 15, 6 * time.Second
	f := newFleet(t, 1, 1500, `
jobs: [{name: all, listings: [users]}]
serve: {token: `+serveToken+`, rescue_after: 2s}
`)
	f.rewrite(t, fmt.Sprintf("limit: {requests: %d, per: %s}", fleetLimit, fleetWindow), fmt.Sprintf("limit: {requests: %d, per: %s}", limit, window))
	tenant := f.tenants[0]
	reached := make(chan struct{})
	tenant.server.OnRequest(func(n int, r *http.Request) {
		if n == 12 {
			close(reached)
		}
		if n >= 12 {
			<-r.Context().Done()
		}
	})
	p := f.serve(t)
	p.runNow(t, "all")
	<-reached
	p.end(t, syscall.SIGKILL)
	tenant.server.OnRequest(nil)
	next := f.serve(t)
	f.awaitRuns(t, 1)
	if n := tenant.server.MaxRequestsIn(window); n > limit || n < 12 {
		t.Errorf("%d requests in %s, the limit is %d", n, window, limit)
	}
	next.end(t, syscall.SIGTERM)
	f.reading.Wait()
}

func TestThePageTheProbesAndTheMetricsAnswer(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, 20, `
jobs: [{name: all, max_age: 1h, jitter: 0s}]
serve: {token: `+serveToken+`}
`)
	f.tenants[1].server.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 403})
	p := f.serve(t)
	p.runNow(t, "all")
	well, ill := false, false
	f.await(t, "one to end well and one badly", func(line logLine) bool {
		well = well || line.Message == "run finished"
		ill = ill || line.Message == "run failed" && line.Tenant == "tenant-01"
		return well && ill
	})
	for path, want := range map[string][]string{
		"/healthz": {"200 ok"},
		"/readyz":  {"200 ok"},
		"/metrics": {
			"200 ", `syncer_runs_total{job="all",status="succeeded",tenant="tenant-00"} 1`, `syncer_open_incidents{kind="failed"} 1`,
			`syncer_listing_proved{listing="users",tenant="tenant-00"} 1`, "syncer_database_up 1",
			`syncer_rows_total{listing="users",outcome="inserted",tenant="tenant-00"} 20`, "syncer_requests_total", "syncer_rate_limiter_wait_seconds_total",
			"syncer_listing_proof_age_seconds", "syncer_queued_runs", "syncer_run_duration_seconds_bucket", "go_goroutines",
		},
		"/":                   {"200 ", "<title>1 open incident · syncer</title>", "tenant-01", "status 403", "Certificate of run"},
		"/?tenant=tenant-00":  {"200 ", "<title>Healthy · syncer</title>"},
		"/?tenant=%3Cb%3E":    {"200 ", "syncer: &lt;b&gt;"},
		"/style.css":          {"200 "},
		"/nothing":            {"404 "},
		"/page/page.html":     {"404 "},
		"/run":                {"405 "},
		"/favicon.ico":        {"204 "},
		"/healthz?whatever=1": {"200 ok"},
	} {
		got := p.get(t, path)
		for _, w := range want {
			if strings.HasPrefix(w, "2") || strings.HasPrefix(w, "4") {
				if !strings.HasPrefix(got, w) {
					t.Errorf("%s: want %s, have %.40s", path, w, got)
				}
			} else if !strings.Contains(got, w) {
				t.Errorf("%s does not have %s:\n%.3000s", path, w, got)
			}
		}
		if strings.Contains(got, serveToken) || strings.Contains(got, f.tenants[0].server.AppSecret) {
			t.Errorf("%s shows a secret", path)
		}
	}
	// Who asks for a run that is on is given that one.
	f.poll(t, func() bool { return strings.Contains(p.get(t, "/metrics"), `syncer_queued_runs{state="running"} 0`) })
	for name, tc := range map[string]struct {
		token, job string
		want       int
	}{
		"without a token":       {"", "all", http.StatusUnauthorized},
		"with another token":    {"a token for texts", "all", http.StatusUnauthorized},
		"a job there is not":    {serveToken, "none", http.StatusNotFound},
		"a tenant there is not": {serveToken, "all tenant-99", http.StatusNotFound},
		"one tenant, by a form": {serveToken, "all tenant-00", http.StatusOK}, // the page it leads to
	} {
		answer := must[*http.Response](t, "POST")(http.PostForm(p.address+"/run", map[string][]string{"token": {tc.token}, "job": {tc.job}}))
		answer.Body.Close()
		if answer.StatusCode != tc.want {
			t.Errorf("POST /run %s: want %d, have %s", name, tc.want, answer.Status)
		}
	}
	f.awaitRuns(t, 1)
	if _, err := f.pool.Exec(t.Context(), "update syncer.certificates set read_at = now() - interval '2 hours'"); err != nil {
		t.Fatal(err)
	}
	f.poll(t, func() bool { return strings.HasPrefix(p.get(t, "/readyz"), "503 tenant-00: ") })
	p.end(t, syscall.SIGTERM)
	f.reading.Wait()
}

// get returns status and body of an answer.
func (p *served) get(t *testing.T, path string) string {
	t.Helper()
	r := must[*http.Request](t, "make a request")(http.NewRequestWithContext(t.Context(), http.MethodGet, p.address+path, nil))
	answer := must[*http.Response](t, "GET "+path)(http.DefaultClient.Do(r))
	defer answer.Body.Close()
	body := must[[]byte](t, "read "+path)(io.ReadAll(answer.Body))
	return fmt.Sprintf("%d %s", answer.StatusCode, body)
}

// poll asks again and again until something has become so that nobody is told
// of.
func (f *fleet) poll(t *testing.T, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for !so() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatal("waited too long")
		}
	}
}
