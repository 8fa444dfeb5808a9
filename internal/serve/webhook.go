package serve

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"logto-syncer/internal/config"
)

// Limits of the webhook receiver, of one tenant's hook each. What exceeds them
// is refused: a delivery is only a hint, and the next one will do.
const (
	maxDeliveryBytes      = 2 << 20 // Logto's own limit of a request is 1 MiB, and a delivery repeats one
	deliveryTimeout       = 10 * time.Second
	deliveriesPerSecond   = 100
	concurrentDeliveries  = 32
	deliveryHashBlockSize = 16 << 10
)

// What can become of a delivery.
const (
	deliveryAccepted    = "accepted"
	deliveryWrongMethod = "wrong_method"
	deliveryTooLarge    = "too_large"
	deliveryTooMany     = "too_many"
	deliveryWrongSigned = "wrong_signature"
	deliveryNotRead     = "not_read" // the client stopped sending
)

// signatureHeader has the HMAC of a delivery's body by the hook's signing key,
// with SHA-256, in hexadecimal.
const signatureHeader = "Logto-Signature-Sha-256"

// A webhookReceiver takes deliveries of Logto's webhooks. It believes nothing of
// what they say, not even after their signature is verified: the body is hashed
// and not kept, and all that comes of a delivery is a hint. It may be used
// concurrently.
type webhookReceiver struct {
	// hint is called for a tenant whose delivery was signed with its key.
	hint func(tenant string)
	// count is told what became of each delivery.
	count func(tenant, outcome string)

	mu    sync.Mutex
	gates map[string]*deliveryGate // by tenant
}

// A deliveryGate limits the deliveries of one tenant's hook.
type deliveryGate struct {
	limiter *rate.Limiter
	slots   chan struct{}
}

func newWebhookReceiver(hint func(string), count func(tenant, outcome string)) *webhookReceiver {
	return &webhookReceiver{hint: hint, count: count, gates: map[string]*deliveryGate{}}
}

// hookByPath returns the hook whose deliveries arrive at a path.
func hookByPath(cfg *config.Config, path string) (config.Hook, bool) {
	i := slices.IndexFunc(cfg.Serve.Webhook.Hooks, func(h config.Hook) bool { return h.Path == path })
	if i < 0 {
		return config.Hook{}, false
	}
	return cfg.Serve.Webhook.Hooks[i], true
}

// receive answers a delivery to a hook.
func (w *webhookReceiver) receive(answer http.ResponseWriter, r *http.Request, h config.Hook) {
	outcome := w.deliveryOutcome(answer, r, h)
	w.count(h.Tenant, outcome)
	switch outcome {
	case deliveryAccepted:
		w.hint(h.Tenant)
		answer.WriteHeader(http.StatusNoContent)
	case deliveryWrongMethod:
		answer.Header().Set("Allow", http.MethodPost)
		http.Error(answer, "deliveries are POST requests", http.StatusMethodNotAllowed)
	case deliveryTooLarge:
		http.Error(answer, "the delivery is too large", http.StatusRequestEntityTooLarge)
	case deliveryTooMany:
		answer.Header().Set("Retry-After", "1")
		http.Error(answer, "too many deliveries", http.StatusTooManyRequests)
	case deliveryWrongSigned:
		http.Error(answer, "the signature is wrong", http.StatusUnauthorized)
	default:
		http.Error(answer, "the delivery cannot be read", http.StatusBadRequest)
	}
}

// deliveryOutcome returns what becomes of a delivery. It checks first what costs least,
// and reads the body in small blocks, so that no body takes memory.
func (w *webhookReceiver) deliveryOutcome(answer http.ResponseWriter, r *http.Request, h config.Hook) (outcome string) {
	signature, err := hex.DecodeString(r.Header.Get(signatureHeader))
	switch {
	case r.Method != http.MethodPost:
		return deliveryWrongMethod
	case r.ContentLength > maxDeliveryBytes:
		return deliveryTooLarge
	case err != nil || len(signature) != sha256.Size:
		return deliveryWrongSigned
	}
	leave, ok := w.enter(h.Tenant)
	if !ok {
		return deliveryTooMany
	}
	defer leave()
	_ = http.NewResponseController(answer).SetReadDeadline(time.Now().Add(deliveryTimeout)) // else the server's own applies
	mac := hmac.New(sha256.New, []byte(h.SigningKey.Reveal()))
	_, err = io.CopyBuffer(mac, http.MaxBytesReader(answer, r.Body, maxDeliveryBytes), make([]byte, deliveryHashBlockSize))
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLarge:
		return deliveryTooLarge
	case err != nil:
		return deliveryNotRead
	case !hmac.Equal(mac.Sum(nil), signature):
		return deliveryWrongSigned
	}
	return deliveryAccepted
}

// enter reports whether another delivery to a tenant's hook may be read; the
// caller then calls leave when it has been.
func (w *webhookReceiver) enter(tenant string) (leave func(), ok bool) {
	w.mu.Lock()
	gate := w.gates[tenant]
	if gate == nil {
		gate = &deliveryGate{rate.NewLimiter(deliveriesPerSecond, deliveriesPerSecond), make(chan struct{}, concurrentDeliveries)}
		w.gates[tenant] = gate
	}
	w.mu.Unlock()
	if !gate.limiter.Allow() {
		return nil, false
	}
	select {
	case gate.slots <- struct{}{}:
		return func() { <-gate.slots }, true
	default:
		return nil, false
	}
}
