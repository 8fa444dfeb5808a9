package serve

import (
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"logto-syncer/internal/config"
	"logto-syncer/internal/logto"
)

// A server that does not answer is shown from the first failed attempt on.
func TestARunThatWaitsForLogtoIsShownOnThePageAndInTheMetrics(t *testing.T) {
	t.Parallel()
	b := newFixture(t, `jobs: [{name: job}]
serve: {rescue_after: 2s}`)
	b.server.NewLogtoClient = func(t config.Tenant, log *slog.Logger) (*logto.Client, error) {
		return logto.New(logto.Config{
			Endpoint: t.Endpoint, Resource: t.Resource, AppID: t.AppID, AppSecret: t.AppSecret.Reveal(), Log: log,
			RetryTimeout: 15 * time.Second, InitialBackoff: time.Millisecond,
		})
	}
	b.acme.Close()
	address := b.start(t)
	if page := get(t, address+"/"); !strings.Contains(page, "<title>Healthy · syncer</title>") {
		t.Fatalf("before the run the page is\n%s", page)
	}
	if _, err := b.server.enqueueRunsNow(t.Context(), b.config.Jobs[0], "acme"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/":        "<title>1 run waiting for Logto · syncer</title>(?s:.*)waiting: connection refused, attempt [1-9]",
		"/metrics": `syncer_run_waiting_seconds\{job="job",tenant="acme"\} [0-9.]*[1-9]`,
	} {
		deadline := time.After(20 * time.Minute)
		for text := ""; !regexp.MustCompile(want).MatchString(text); text = get(t, address+path) {
			select {
			case <-deadline:
				t.Fatalf("%s does not match %s:\n%s", path, want, text)
			default:
			}
		}
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
