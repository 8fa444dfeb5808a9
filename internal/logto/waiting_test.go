package logto

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// heard collects what a client says of its waiting.
type heard struct {
	mu    sync.Mutex
	texts []string
}

func (h *heard) listen(w *Waiting) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w == nil {
		h.texts = append(h.texts, "over")
		return
	}
	if w.Since.IsZero() || time.Since(w.Since) < 0 {
		h.texts = append(h.texts, "since when?")
	}
	h.texts = append(h.texts, w.String())
}

func TestAClientSaysThatItWaitsFromTheFirstFailedAttemptOn(t *testing.T) {
	t.Parallel()
	bad := respond(502, "text/html", "<html>bad gateway</html>")
	for name, tc := range map[string]struct {
		api  http.HandlerFunc
		want []string
	}{
		"no answer": {inTurn(okResponse), nil},
		"a gateway": {inTurn(bad, bad, okResponse), []string{"waiting: status 502, attempt 1", "waiting: status 502, attempt 2", "over"}},
		"HTML":      {inTurn(respond(200, "text/html", "<html>"), okResponse), []string{"waiting: answered in text/html, attempt 1", "over"}},
		"it fails for good": {
			inTurn(bad, respondJSON(400, `{"code":"x","message":"m"}`)), []string{"waiting: status 502, attempt 1", "over"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, h := newFake(t, tc.api), &heard{}
			c := f.client(t, f.config(), fastTuning())
			remove := c.OnRetryWaiting(h.listen)
			_, _ = c.List(t.Context(), "/users", nil)
			remove()
			if !slices.Equal(h.texts, tc.want) {
				t.Errorf("heard %q, want %q", h.texts, tc.want)
			}
		})
	}
}

func TestAServerThatIsNotThereIsNamedByItsCause(t *testing.T) {
	t.Parallel()
	f, h := newFake(t, okResponse), &heard{}
	f.Close()
	cfg := f.config()
	cfg.RetryTimeout = 20 * time.Millisecond
	c := f.client(t, cfg, fastTuning())
	c.OnRetryWaiting(h.listen)
	_, err := c.List(t.Context(), "/users", nil)
	if err == nil || len(h.texts) == 0 || h.texts[0] != "waiting: connection refused, attempt 1" {
		t.Errorf("error %v, heard %q", err, h.texts)
	}
}

func TestTheErrorSaysHowLongItReallyTried(t *testing.T) {
	t.Parallel()
	f := newFake(t, respond(502, "text/html", "<html>bad gateway</html>"))
	cfg := f.config()
	cfg.RetryTimeout = time.Minute // shorter than the first pause
	_, err := f.client(t, cfg, impatient()).List(t.Context(), "/users", nil)
	if err == nil || !strings.Contains(err.Error(), "gave up after 1 attempt in ") || strings.Contains(err.Error(), "in 1m0s") {
		t.Errorf("error %v, want one that does not claim a minute", err)
	}
}

func TestTheLogSaysOnceThatTheServerDoesNotAnswerAndWhenItDoes(t *testing.T) {
	t.Parallel()
	bad := respond(502, "text/html", "<html>bad gateway</html>")
	f := newFake(t, inTurn(bad, bad, bad, bad, bad, bad, okResponse))
	var log strings.Builder
	cfg := f.config()
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	if _, err := f.client(t, cfg, fastTuning()).List(t.Context(), "/users", nil); err != nil {
		t.Fatal(err)
	}
	text := log.String()
	for _, line := range []string{"request failed, trying again", `cause="status 502"`, "the server answers again"} {
		if strings.Count(text, line) != 1 {
			t.Errorf("want %q once in the log, have\n%s", line, text)
		}
	}
}
