package logtotest

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A pusher posts the deliveries of webhooks.
type pusher struct {
	ctx   context.Context //nolint:containedctx // of deliveries that no caller waits for
	slots chan struct{}
	wg    sync.WaitGroup
}

// A delivery is given up after so long, and so many run at a time.
const deliveryTimeout, parallelDeliveries = 10 * time.Second, 10

// StartPushingDeliveries posts every delivery from now on to the url of its hook, signed,
// once, as the real server does; its hook-log row is written when the answer has
// come. stop ends that: it waits for the deliveries under way, or cuts them off
// when ctx ends.
func (t *Tenant) StartPushingDeliveries(ctx context.Context) (stop func()) {
	p := &pusher{ctx: ctx, slots: make(chan struct{}, parallelDeliveries)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.push = p
	return func() {
		t.mu.Lock()
		t.push = nil
		t.mu.Unlock()
		p.wg.Wait()
	}
}

// postDelivery delivers one event to one hook. The caller holds the write lock.
func (t *Tenant) postDelivery(p *pusher, hook *row, event, body string) {
	hooks := t.tables["hooks"]
	var config struct {
		URL     string
		Headers map[string]string
	}
	key := hooks.text(hook, "signing_key")
	err := json.Unmarshal([]byte(hooks.columnJSON(hook, "config")), &config)
	p.wg.Go(func() {
		p.slots <- struct{}{}
		defer func() { <-p.slots }()
		result := map[string]any{"result": "Error", "error": fmt.Sprint(err)}
		if err == nil {
			result = p.send(config.URL, config.Headers, key, body)
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.queueDeliveryLog(hook, event, body, t.Now(), result)
	})
}

// send posts a body and says what a log row says of the outcome.
func (p *pusher) send(url string, headers map[string]string, key, body string) map[string]any {
	ctx, cancel := context.WithTimeout(p.ctx, deliveryTimeout)
	defer cancel()
	failed := func(err error) map[string]any {
		return map[string]any{"result": "Error", "error": "TypeError: " + err.Error()}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return failed(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Logto (https://logto.io/)")
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	if key != "" {
		r.Header.Set("Logto-Signature-Sha-256", Signature(key, []byte(body)))
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return failed(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return failed(err)
	}
	var parsed any = string(answer)
	if v := decodeRawJSON(string(answer)); v != nil {
		parsed = v
	}
	result := map[string]any{"result": "Success", "response": map[string]any{"statusCode": res.StatusCode, "body": parsed}}
	if res.StatusCode >= http.StatusMultipleChoices {
		result["result"], result["error"] = "Error", "HTTPError: Request failed with status code "+res.Status
	}
	return result
}

// Signature is what the header logto-signature-sha-256 of a delivery says: the
// HMAC of the body by the signing key of the hook.
func Signature(key string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}
