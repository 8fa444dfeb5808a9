//go:build browser

package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
)

var update = flag.Bool("update", false, "write the screenshots in docs")

// The page in Chromium: it shows what it should, without an error, without a
// request to another host, and accessibly. `make test-browser` installs Chromium
// and axe-core.
func TestTheStatusPageInABrowser(t *testing.T) {
	b, address := startPageFixture(t)
	for name, look := range map[string]struct{ scheme, size string }{
		"light": {"1", "1280,1500"},
		"dark":  {"0", "1280,1500"},
		"phone": {"1", "500,1500"},
	} {
		t.Run(name, func(t *testing.T) {
			outside := newRecordingProxy(t, address)
			page := outside.browse(t, address, look.scheme, look.size, "--dump-dom")
			for _, want := range []string{"Open incidents", "globex", "status 403", "Active runs", "initech", "<progress", "Certificate of run", "<svg", "Run now"} {
				if !strings.Contains(page, want) {
					t.Errorf("the page does not show %s", want)
				}
			}
			shot := filepath.Join(t.TempDir(), "status.png")
			if *update && name != "phone" { // which no page under docs shows
				shot = "../../docs/status-" + name + ".png"
			}
			shot, err := filepath.Abs(shot)
			if err != nil {
				t.Fatal(err)
			}
			outside.browse(t, address, look.scheme, look.size, "--screenshot="+shot)
			if info, err := os.Stat(shot); err != nil || info.Size() < 10_000 {
				t.Errorf("there is no screenshot: %v", err)
			}
			outside.assertNoOutsideRequests(t)
			assertAccessible(t, outside, address, look.scheme, look.size)
		})
	}
	if b.server.activeRuns.jobIDs(); len(b.server.activeRuns.jobIDs()) != 1 {
		t.Errorf("the run under way has ended: the test says little")
	}
}

// startPageFixture starts a server with a healthy tenant, one whose runs fail,
// and one with an active run.
func startPageFixture(t *testing.T) (b *fixture, address string) {
	t.Helper()
	b = newFixture(t, `jobs: [{name: nightly, schedule: "30 2 * * *", timezone: Europe/Berlin, max_age: 36h, listings: [users]}]
serve: {token: a token for tests, rescue_after: 2s}`, "globex", "initech")
	open := make(chan struct{})
	b.otherTenants["initech"].OnRequest(func(n int, r *http.Request) {
		if n < 5 {
			return
		}
		select {
		case <-open:
		case <-r.Context().Done():
		}
	})
	address = b.start(t)
	t.Cleanup(func() { close(open) }) // before the server stops, which waits for the run
	events := b.subscribe(t)
	for range 12 {
		b.runOnce(t, events)
		for _, row := range b.acme.Tenant.Rows("users")[:3] {
			if err := b.acme.Tenant.UpdateUser(row["id"].(string), map[string]any{"name": time.Now().String()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	job := b.config.Jobs[0]
	if _, err := b.server.enqueueRunsNow(t.Context(), job, "globex"); err != nil {
		t.Fatal(err)
	}
	events.await(t, "run")
	b.otherTenants["globex"].Inject(logtotest.Fault{Kind: logtotest.Status, Status: 403})
	if _, err := b.server.enqueueRunsNow(t.Context(), job, "globex"); err != nil {
		t.Fatal(err)
	}
	events.await(t, "run")
	if _, err := b.server.enqueueRunsNow(t.Context(), job, "initech"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	for shown := false; !shown; {
		err := b.pool.QueryRow(ctx, "select exists (select from syncer.servers where (active_runs -> 0 ->> 'rows')::int > 0)").Scan(&shown)
		if err != nil {
			t.Fatal(err)
		}
	}
	b.server.overviewCache.invalidate()
	return b, address
}

// A recordingProxy is the browser's proxy. It records requests to other hosts.
type recordingProxy struct {
	*httptest.Server
	mu              sync.Mutex
	outsideRequests []string
	script          string // put into pages that ask for it
}

func newRecordingProxy(t *testing.T, address string) *recordingProxy {
	t.Helper()
	inside, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	w := &recordingProxy{}
	forward := httputil.NewSingleHostReverseProxy(inside)
	forward.ModifyResponse = w.injectScript
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if slices.Contains(browserBackgroundHosts(), r.URL.Hostname()) {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		if r.Method == http.MethodConnect || r.URL.Host != inside.Host {
			w.mu.Lock()
			w.outsideRequests = append(w.outsideRequests, r.Method+" "+r.URL.String()+" "+r.Host)
			w.mu.Unlock()
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		forward.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.Close)
	return w
}

// browserBackgroundHosts are hosts that Chromium contacts whatever the page.
func browserBackgroundHosts() []string {
	return []string{
		"update.googleapis.com", "content-autofill.googleapis.com", "clients2.google.com", "accounts.google.com",
		"optimizationguide-pa.googleapis.com", "safebrowsing.googleapis.com", "redirector.gvt1.com", "www.google.com", "android.clients.google.com",
	}
}

// injectScript adds the script to the page and removes the policy that forbids it.
func (w *recordingProxy) injectScript(answer *http.Response) error {
	if w.script == "" || answer.Request.URL.Path != "/" {
		return nil
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	body = bytes.Replace(body, []byte("</body>"), []byte("<script>"+w.script+"</script></body>"), 1)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	answer.ContentLength = int64(len(body))
	answer.Header.Del("Content-Length")
	answer.Header.Del("Content-Security-Policy")
	return nil
}

func (w *recordingProxy) assertNoOutsideRequests(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, request := range w.outsideRequests {
		t.Errorf("request to another host: %s", request)
	}
}

// browse opens the page and returns the browser's output. It fails on every
// message in the page's console.
func (w *recordingProxy) browse(t *testing.T, address, scheme, size string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	args = append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions",
		"--disable-features=OptimizationHints,MediaRouter,Translate", "--enable-logging=stderr", "--user-data-dir=" + t.TempDir(),
		"--proxy-server=" + strings.TrimPrefix(w.URL, "http://"), "--proxy-bypass-list=<-loopback>",
		"--blink-settings=preferredColorScheme=" + scheme, "--window-size=" + size, "--virtual-time-budget=20000",
	}, append(args, address+"/")...)
	cmd := exec.CommandContext(ctx, chromium(t), args...) //nolint:gosec // a browser, by its usual names
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	for line := range strings.Lines(stderr.String()) {
		if strings.Contains(line, ":CONSOLE") {
			t.Errorf("the console says: %s", line)
		}
	}
	return stdout.String()
}

func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("Chromium is missing: make test-browser installs it")
	return ""
}

// assertAccessible fails on what axe-core finds in the page.
func assertAccessible(t *testing.T, w *recordingProxy, address, scheme, size string) {
	t.Helper()
	found, err := filepath.Glob("../../bin/axe-*.js")
	if err != nil || len(found) == 0 {
		t.Fatal("axe-core is missing: make test-browser fetches it")
	}
	axe, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	w.script = strings.ReplaceAll(string(axe), "</script", `<\/script`) + `;
		axe.run({resultTypes: ["violations"]}).then(r => {
			const pre = document.createElement("pre");
			pre.id = "axe";
			pre.textContent = JSON.stringify({passes: r.passes.length, violations: r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + " " + n.failureSummary)}))});
			document.body.append(pre);
		});`
	defer func() { w.script = "" }()
	page := w.browse(t, address, scheme, size, "--dump-dom")
	match := regexp.MustCompile(`(?s)<pre id="axe">(.*?)</pre>`).FindStringSubmatch(page)
	if match == nil {
		t.Fatalf("axe-core has no result: %.2000s", page[max(0, len(page)-2000):])
	}
	var result struct {
		Passes     int
		Violations []struct {
			ID, Help string
			Nodes    []string
		}
	}
	if err := json.Unmarshal([]byte(html.UnescapeString(match[1])), &result); err != nil {
		t.Fatal(err)
	}
	if result.Passes < 10 {
		t.Errorf("axe-core passed only %d checks: the test says little", result.Passes)
	}
	for _, v := range result.Violations {
		t.Errorf("%s: %s\n%s", v.ID, v.Help, strings.Join(v.Nodes, "\n"))
	}
}
