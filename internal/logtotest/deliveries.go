package logtotest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// This file writes down what webhooks were sent: GET /api/hooks/{id}/recent-logs.

// A pendingLog is one event on its way to one hook. Its log row is written when it
// has ended, not when the event happened.
type pendingLog struct {
	due  int64 // microseconds of the tenant's clock
	vals map[string]string
}

// Deliveries of a hook end after so long, by default: nobody listens there.
const shortestDelivery, longestDelivery = 5 * time.Millisecond, 40 * time.Millisecond

// SetDeliveryLogDelay sets how long after an event its hook-log row is written, by the
// tenant's clock: a chance between two durations, so that rows do not come in the
// order of events. A real server takes up to 10 s, and longer when deliveries
// queue. Use AdvanceClock to let them arrive.
func (t *Tenant) SetDeliveryLogDelay(shortest, longest time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shortest, t.longest = shortest, max(shortest, longest)
}

// PruneLogs deletes the rows of logs, hook logs among them, that are older than
// age, as Logto Cloud does by plan. A Logto of one's own keeps them for ever.
func (t *Tenant) PruneLogs(age time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writeDueLogs()
	before := t.Now().Add(-age).UnixMicro()
	t.tables["logs"].removeFunc(func(r *row) bool { return r.created < before })
}

// hasSubscriber tells if any hook wants an event that the server's version has.
func (t *Tenant) hasSubscriber(event string) bool {
	hooks := t.tables["hooks"]
	return !t.edition.events[event] && slices.ContainsFunc(hooks.heap, func(h *row) bool { return hookSubscribes(hooks, h, event) })
}

// hookSubscribes tells if a hook is told of an event.
func hookSubscribes(hooks *table, hook *row, event string) bool {
	events := hooks.columnJSON(hook, "events")
	if events == "[]" || events == "null" { // a hook from before hooks could have several
		return hooks.columnJSON(hook, "enabled") == "true" && hooks.text(hook, "event") == event
	}
	return hooks.columnJSON(hook, "enabled") == "true" && strings.Contains(events, quote(event))
}

// fire sends an event to every hook that wants it. The caller holds the write lock.
func (t *Tenant) fire(event string, body map[string]any) {
	if !t.hasSubscriber(event) {
		return
	}
	hooks := t.tables["hooks"]
	for _, hook := range hooks.heap {
		if !hookSubscribes(hooks, hook, event) {
			continue
		}
		sent := maps.Clone(body)
		sent["event"], sent["hookId"] = event, hook.id
		sent["createdAt"] = t.Now().Format("2006-01-02T15:04:05.000Z")
		t.deliverToHook(hook, event, encodeJSON(sent))
	}
}

// deliverToHook sends one event to one hook, which fails unless deliveries are pushed:
// nobody listens.
func (t *Tenant) deliverToHook(hook *row, event, body string) {
	if t.push != nil {
		t.postDelivery(t.push, hook, event, body)
		return
	}
	took := t.shortest
	if more := t.longest - t.shortest; more > 0 {
		took += time.Duration(t.chance.Int64N(int64(more)))
	}
	t.queueDeliveryLog(hook, event, body, t.Now().Add(took), map[string]any{
		"result": "Error", "error": `TypeError: {"message":"fetch failed","cause":{"message":"connect ECONNREFUSED"}}`,
	})
}

// queueDeliveryLog notes the log row of a delivery that ends at a moment.
func (t *Tenant) queueDeliveryLog(hook *row, event, body string, at time.Time, result map[string]any) {
	payload := map[string]any{
		"key": "TriggerHook." + event, "result": "Success", "hookId": hook.id,
		"hookRequest": map[string]any{"body": sanitized(decodeRawJSON(body), t.edition.does(sanitizedLogs))},
	}
	maps.Copy(payload, result)
	d := pendingLog{at.UnixMicro(), map[string]string{
		"id": quote(drawID(t.chance, 21)), "key": quote("TriggerHook." + event), "payload": encodeJSON(payload), "created_at": quoteTime(at.UnixMicro()),
	}}
	i, _ := slices.BinarySearchFunc(t.pending, d.due, func(p pendingLog, due int64) int {
		if p.due <= due {
			return -1
		}
		return 1
	})
	t.pending = slices.Insert(t.pending, i, d)
}

// writeDueLogs writes the log rows of deliveries that have ended by now. The caller
// holds the write lock.
func (t *Tenant) writeDueLogs() {
	now := t.Now().UnixMicro()
	n := 0
	for ; n < len(t.pending) && t.pending[n].due <= now; n++ {
		_, _ = t.insert("logs", t.pending[n].vals) // nothing that could be wrong with it
	}
	t.pending = slices.Delete(t.pending, 0, n)
}

// flushDueLogs is writeDueLogs for callers that do not hold the lock.
func (t *Tenant) flushDueLogs() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.writeDueLogs()
}

// sanitized is a body as the log keeps it: strings under a key that names a secret
// are masked, scripts are left out. Before the server did so (thorough is false),
// only passwords were.
func sanitized(v any, thorough bool) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = sanitized(v[i], thorough)
		}
	case map[string]any:
		for key, e := range v {
			_, text := e.(string)
			switch name := strings.ToLower(key); {
			case thorough && (strings.HasPrefix(name, "script") || strings.HasSuffix(name, "script")):
				delete(v, key)
			case text && (name == "password" || thorough && namesSecret(name)):
				v[key] = "******"
			default:
				v[key] = sanitized(e, thorough)
			}
		}
	}
	return v
}

// namesSecret tells if the server takes what is under a key for a secret.
func namesSecret(name string) bool {
	return name == "authorization" || strings.HasSuffix(name, "token") ||
		slices.ContainsFunc([]string{"secret", "password", "apikey", "privatekey", "credential", "cookie"},
			func(word string) bool { return strings.Contains(name, word) })
}
