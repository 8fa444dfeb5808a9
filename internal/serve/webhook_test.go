package serve

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"logto-syncer/internal/config"
)

const (
	signingKey = "the signing key of acme"
	delivery   = `{"hookId":"h1","event":"User.Created","data":{"id":"u1","name":"Ada Lovelace"}}`
	hookConfig = `jobs: [{name: nightly}, {name: fresh, read: changes}]
serve: {webhook: {hooks: [{tenant: acme, signing_key: ` + signingKey + `}, {tenant: globex, signing_key: the key of globex}]}}`
)

// sign returns the signature that Logto sends with a body.
func sign(key, body string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

// newWebhookFixture returns a fixture that serves deliveries over HTTP and works
// on no job, so that the queue shows what they did.
func newWebhookFixture(t *testing.T) (b *fixture, log *bytes.Buffer, address string) {
	t.Helper()
	b, log = newFixture(t, hookConfig, "globex"), &bytes.Buffer{}
	b.server.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := httptest.NewServer(b.server.httpHandler())
	t.Cleanup(s.Close)
	return b, log, s.URL
}

// deliver sends a delivery as Logto does.
func deliver(ctx context.Context, method, address, signature string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Logto (https://logto.io/)")
	if signature != "" {
		r.Header.Set("logto-signature-sha-256", signature)
	}
	return http.DefaultClient.Do(r)
}

// statusOf returns the status of the answer to a delivery, and its body.
func statusOf(t *testing.T, method, address, signature string, body io.Reader) (status int, text string) {
	t.Helper()
	answer, err := deliver(t.Context(), method, address, signature, body)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

func (b *fixture) runsInQueue(t *testing.T) int64 {
	t.Helper()
	return b.count(t, "select count(*) from syncer_queue.river_job where kind = 'run'")
}

// later is a moment at which every hint given by now is due.
func later() time.Time { return time.Now().Add(hintDelay + hintInterval) }

func TestADeliveryOfLogtoStartsTheJobThatReadsChanges(t *testing.T) {
	t.Parallel()
	for name, listen := range map[string]string{"at the address of the status page": "", "at an address of its own": "127.0.0.1:0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, hookConfig, "globex")
			b.config.Serve.Webhook.Listen = listen
			address, other := b.start(t), ""
			if listen != "" {
				address, other = "http://"+b.webhookAddress, address
			}
			b.prove(t, "nightly")
			if status, text := statusOf(t, http.MethodPost, address+"/webhook/acme", sign(signingKey, delivery), strings.NewReader(delivery)); status != http.StatusNoContent || text != "" {
				t.Fatalf("the delivery was answered by %d %q", status, text)
			}
			b.waitFor(t, "the run", "select count(*) from syncer.runs where tenant_id = 'acme' and job = 'fresh' and mode = 'changes' and status = 'succeeded'")
			if n := b.count(t, "select count(*) from syncer_queue.river_job where kind = 'run'"); n != 2 {
				t.Errorf("%d runs were enqueued, want the proof and the one that reads changes", n)
			}
			if other == "" {
				return
			}
			if status, _ := statusOf(t, http.MethodPost, other+"/webhook/acme", sign(signingKey, delivery), strings.NewReader(delivery)); status != http.StatusNotFound {
				t.Errorf("the address of the status page answered a delivery by %d", status)
			}
			if status, _ := statusOf(t, http.MethodGet, address+"/metrics", "", nil); status != http.StatusNotFound {
				t.Errorf("the address of deliveries answered /metrics by %d", status)
			}
		})
	}
}

func TestWhatLogtoHasNotSignedIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	b, log, address := newWebhookFixture(t)
	good := sign(signingKey, delivery)
	for name, tc := range map[string]struct {
		method, path, signature, body string
		status                        int
		outcome                       string // empty: it is not a delivery
	}{
		"no signature":                 {http.MethodPost, "/webhook/acme", "", delivery, 401, deliveryWrongSigned},
		"a signature of another body":  {http.MethodPost, "/webhook/acme", good, delivery + " ", 401, deliveryWrongSigned},
		"a signature by another key":   {http.MethodPost, "/webhook/acme", sign("the key of globex", delivery), delivery, 401, deliveryWrongSigned},
		"another tenant's delivery":    {http.MethodPost, "/webhook/globex", good, delivery, 401, deliveryWrongSigned},
		"a signature by an empty key":  {http.MethodPost, "/webhook/acme", sign("", delivery), delivery, 401, deliveryWrongSigned},
		"half a signature":             {http.MethodPost, "/webhook/acme", good[:32], delivery, 401, deliveryWrongSigned},
		"no hexadecimal signature":     {http.MethodPost, "/webhook/acme", strings.Repeat("x", 64), delivery, 401, deliveryWrongSigned},
		"an empty body":                {http.MethodPost, "/webhook/acme", good, "", 401, deliveryWrongSigned},
		"another method":               {http.MethodGet, "/webhook/acme", good, "", 405, deliveryWrongMethod},
		"another method, with a body":  {http.MethodPut, "/webhook/acme", good, delivery, 405, deliveryWrongMethod},
		"more than a delivery can be":  {http.MethodPost, "/webhook/acme", good, strings.Repeat("x", maxDeliveryBytes+1), 413, deliveryTooLarge},
		"a path that no hook has":      {http.MethodPost, "/webhook/initech", good, delivery, 404, ""},
		"a path below that of a hook":  {http.MethodPost, "/webhook/acme/x", good, delivery, 404, ""},
		"the start of a path of hooks": {http.MethodPost, "/webhook/", good, delivery, 404, ""},
	} {
		status, text := statusOf(t, tc.method, address+tc.path, tc.signature, strings.NewReader(tc.body))
		if status != tc.status {
			t.Errorf("%s was answered by %d, want %d", name, status, tc.status)
		}
		if strings.Contains(text, "Ada") {
			t.Errorf("%s: the answer repeats the body: %s", name, text)
		}
		if tenant := tc.path[len("/webhook/"):]; tc.outcome != "" && !strings.Contains(get(t, address+"/metrics"),
			fmt.Sprintf("syncer_webhook_deliveries_total{outcome=%q,tenant=%q}", tc.outcome, tenant)) {
			t.Errorf("%s is not counted as %s", name, tc.outcome)
		}
	}
	b.server.enqueueDueHints(t.Context(), later())
	if n := b.runsInQueue(t) + b.count(t, "select count(*) from syncer.runs"); n != 0 {
		t.Errorf("%d runs", n)
	}
	if log.Len() != 0 {
		t.Errorf("deliveries were logged:\n%s", log)
	}
}

// A delivery proves nothing: whoever repeats one makes Logto be asked once more.
func TestARepeatedDeliveryStartsOneRun(t *testing.T) {
	t.Parallel()
	b, log, address := newWebhookFixture(t)
	for range 20 {
		if status, _ := statusOf(t, http.MethodPost, address+"/webhook/acme", sign(signingKey, delivery), strings.NewReader(delivery)); status != http.StatusNoContent {
			t.Fatalf("a delivery was answered by %d", status)
		}
	}
	for range 3 {
		b.server.enqueueDueHints(t.Context(), later())
	}
	if n := b.runsInQueue(t); n != 1 {
		t.Errorf("%d runs in the queue, want 1", n)
	}
	if log.Len() != 0 {
		t.Errorf("deliveries were logged:\n%s", log)
	}
}

func TestAThousandDeliveriesAtOnceStartOneRun(t *testing.T) {
	t.Parallel()
	b, _, address := newWebhookFixture(t)
	var wg sync.WaitGroup
	answers := make(chan int, 1000)
	for range 50 {
		wg.Go(func() {
			for range 20 {
				answer, err := deliver(t.Context(), http.MethodPost, address+"/webhook/acme", sign(signingKey, delivery), strings.NewReader(delivery))
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				_ = answer.Body.Close()
				answers <- answer.StatusCode
			}
		})
	}
	wg.Wait()
	close(answers)
	byStatus := map[int]int{}
	for status := range answers {
		byStatus[status]++
	}
	if byStatus[204] < 1 || byStatus[204]+byStatus[429] != 1000 {
		t.Errorf("answers by status: %v, want 204 and 429", byStatus)
	}
	b.server.enqueueDueHints(t.Context(), later())
	if n := b.runsInQueue(t); n != 1 {
		t.Errorf("%d runs in the queue, want 1", n)
	}
}

func TestMoreDeliveriesThanTheRateAllowsAreRefused(t *testing.T) {
	t.Parallel()
	b, _, address := newWebhookFixture(t)
	b.server.webhook.gates["acme"] = &deliveryGate{rate.NewLimiter(0, 2), make(chan struct{}, 1)}
	for i, want := range []int{204, 204, 429, 429} {
		if status, _ := statusOf(t, http.MethodPost, address+"/webhook/acme", sign(signingKey, delivery), strings.NewReader(delivery)); status != want {
			t.Errorf("delivery %d was answered by %d, want %d", i+1, status, want)
		}
	}
	if status, _ := statusOf(t, http.MethodPost, address+"/webhook/globex", sign("the key of globex", delivery), strings.NewReader(delivery)); status != 204 {
		t.Errorf("another tenant's delivery was answered by %d", status)
	}
}

// Who sends slowly takes a place, of which there are few.
func TestSlowDeliveriesAreLimitedInNumber(t *testing.T) {
	t.Parallel()
	b, _, address := newWebhookFixture(t)
	b.server.webhook.gates["acme"] = &deliveryGate{rate.NewLimiter(rate.Inf, 1), make(chan struct{}, 1)}
	body, rest := io.Pipe()
	slow := make(chan int, 1)
	go func() {
		answer, err := deliver(t.Context(), http.MethodPost, address+"/webhook/acme", sign(signingKey, delivery), body)
		if err != nil {
			slow <- 0
			return
		}
		_ = answer.Body.Close()
		slow <- answer.StatusCode
	}()
	for len(b.server.webhook.gates["acme"].slots) == 0 { // until the slow one is being read
		runtime.Gosched()
	}
	if status, _ := statusOf(t, http.MethodPost, address+"/webhook/acme", sign(signingKey, delivery), strings.NewReader(delivery)); status != 429 {
		t.Errorf("a second delivery was answered by %d, want 429", status)
	}
	_, _ = io.WriteString(rest, delivery)
	_ = rest.Close()
	if status := <-slow; status != 204 {
		t.Errorf("the slow delivery was answered by %d, want 204", status)
	}
	if status, _ := statusOf(t, http.MethodPost, address+"/webhook/acme", sign(signingKey, delivery), strings.NewReader(delivery)); status != 204 {
		t.Errorf("a delivery after it was answered by %d, want 204", status)
	}
}

// A countingReader has as many bytes as one likes, and counts those that are read.
type countingReader struct{ left, read int64 }

func (r *countingReader) Read(p []byte) (int, error) {
	n := min(int64(len(p)), r.left)
	if n == 0 {
		return 0, io.EOF
	}
	r.left, r.read = r.left-n, r.read+n
	return int(n), nil
}

// Not parallel, because it measures what is allocated.
func TestABodyOf100MBIsNeitherReadNorKept(t *testing.T) { //nolint:paralleltest // see above
	const size, most = 100 << 20, 1 << 20
	var outcomes []string
	w := newWebhookReceiver(func(string) { t.Error("a hint was given") }, func(_, outcome string) { outcomes = append(outcomes, outcome) })
	for name, tc := range map[string]struct{ length, mostRead int64 }{
		"of a known length": {size, 0}, "in chunks": {-1, maxDeliveryBytes + deliveryHashBlockSize},
	} {
		body := &countingReader{left: size}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhook/acme", body)
		r.ContentLength = tc.length
		r.Header.Set(signatureHeader, sign(signingKey, delivery))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		answer := httptest.NewRecorder()
		w.receive(answer, r, config.Hook{Tenant: "acme", SigningKey: signingKey, Path: "/webhook/acme"})
		runtime.ReadMemStats(&after)
		if answer.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("a body %s was answered by %d", name, answer.Code)
		}
		if body.read > tc.mostRead {
			t.Errorf("of a body %s, %d bytes were read", name, body.read)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > most {
			t.Errorf("a body %s took %d bytes of memory", name, allocated)
		}
	}
	if len(outcomes) != 2 || outcomes[0] != deliveryTooLarge || outcomes[1] != deliveryTooLarge {
		t.Errorf("outcomes: %q", outcomes)
	}
}

// A run under way may have read its sources before the change was made.
func TestADeliveryDuringARunStartsAnotherAfterIt(t *testing.T) {
	t.Parallel()
	b, _, _ := newWebhookFixture(t)
	b.server.hints.add("acme", time.Now())
	b.server.enqueueDueHints(t.Context(), later())
	if _, err := b.pool.Exec(t.Context(), "update syncer_queue.river_job set state = 'running', attempted_at = now() where kind = 'run'"); err != nil {
		t.Fatal(err)
	}
	b.server.hints.add("acme", time.Now())
	b.server.enqueueDueHints(t.Context(), later())
	if n := b.runsInQueue(t); n != 1 {
		t.Fatalf("%d runs in the queue, want the one under way", n)
	}
	if _, err := b.pool.Exec(t.Context(), "update syncer_queue.river_job set state = 'completed', finalized_at = now() where kind = 'run'"); err != nil {
		t.Fatal(err)
	}
	b.server.enqueueDueHints(t.Context(), later().Add(hintInterval))
	if n := b.runsInQueue(t); n != 2 {
		t.Errorf("%d runs in the queue, want another one", n)
	}
}

// Whatever arrives: no panic, and it is accepted only if it is signed.
func FuzzDelivery(f *testing.F) {
	f.Add(http.MethodPost, sign(signingKey, delivery), []byte(delivery), int64(len(delivery)))
	f.Add(http.MethodPost, sign("", delivery), []byte(delivery), int64(-1))
	f.Add(http.MethodPost, "", []byte{}, int64(0))
	f.Add(http.MethodGet, strings.ToUpper(sign(signingKey, "")), []byte{}, int64(0))
	f.Fuzz(func(t *testing.T, method, signature string, body []byte, length int64) {
		hinted := false
		w := newWebhookReceiver(func(string) { hinted = true }, func(string, string) {})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhook/acme", bytes.NewReader(body))
		r.Method, r.ContentLength = method, length
		r.Header.Set(signatureHeader, signature)
		answer := httptest.NewRecorder()
		w.receive(answer, r, config.Hook{Tenant: "acme", SigningKey: signingKey, Path: "/webhook/acme"})
		signed := method == http.MethodPost && strings.EqualFold(signature, sign(signingKey, string(body)))
		small := len(body) <= maxDeliveryBytes && length <= maxDeliveryBytes
		if hinted != (signed && small) || hinted != (answer.Code == http.StatusNoContent) {
			t.Errorf("%s, signed: %v, was answered by %d; hinted: %v", method, signed, answer.Code, hinted)
		}
		if answer.Code != http.StatusNoContent && (answer.Code < 400 || answer.Code > 499) {
			t.Errorf("answered by %d", answer.Code)
		}
	})
}
