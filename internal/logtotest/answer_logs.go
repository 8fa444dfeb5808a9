package logtotest

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// This file answers for /api/logs and /api/hooks.

// logCap is where enableCap stops counting.
const logCap = 10_000

// A logFilter picks log rows: values the payload has at its top, key prefixes,
// and a window in milliseconds.
type logFilter struct {
	key      string
	payload  map[string]string
	prefixes []string
	from, to float64 // NaN is open
	strict   bool    // the bounds are exclusive
}

func (f *logFilter) accepts(tab *table, r *row) bool {
	at := float64(r.created) / 1000
	if !f.strict {
		at = math.Floor(at) // a bound includes its whole millisecond
	}
	if at < f.from || at > f.to || f.strict && (at == f.from || at == f.to) {
		return false
	}
	key := tab.text(r, "key")
	if f.key != "" && key != f.key {
		return false
	}
	if !slices.ContainsFunc(f.prefixes, func(p string) bool { return key == p || strings.HasPrefix(key, p+".") }) {
		return false
	}
	raw := tab.columnJSON(r, "payload")
	for k, v := range f.payload {
		if !strings.Contains(raw, quote(v)) { // saves the decoding of most
			return false
		}
		if payload, _ := decodeRawJSON(raw).(map[string]any); payload[k] != v {
			return false
		}
	}
	return true
}

// parseTimeWindow reads start_time and end_time.
func (c *apiRequest) parseTimeWindow(f *logFilter) (answer, bool) {
	f.from, f.to = math.NaN(), math.NaN()
	f.strict = !c.edition.does(inclusiveWindow)
	for key, bound := range map[string]*float64{"start_time": &f.from, "end_time": &f.to} {
		if !c.q.has(key) {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(c.q.get(key)), 64)
		if c.q.get(key) == "" {
			v, err = 0, nil // as JavaScript reads it
		}
		if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			return failure(http.StatusBadRequest, "guard.invalid_input", "The request "+key+" is invalid."), false
		}
		*bound = v
	}
	if f.from >= f.to {
		return failure(http.StatusBadRequest, "log.invalid_time_window", "`end_time` must be after `start_time`."), false
	}
	return answer{}, true
}

func (c *apiRequest) listFilteredLogs(f *logFilter, tenant bool) answer {
	tab := c.t.tables["logs"]
	find := func() []*row {
		return slices.DeleteFunc(slices.Clone(tab.heap), func(r *row) bool { return !f.accepts(tab, r) })
	}
	return c.answerListing(listing{
		cap:   logCap,
		count: func() int { return len(find()) },
		rows: func(b []byte, offset, limit int) []byte {
			for _, r := range c.newestLogsPage(find(), offset, limit) {
				b = append(c.appendOpenRow(b, tab, r, tenant), '}', ',')
			}
			return b
		},
	})
}

// newestLogsPage is a page of rows in physical order, as the server would sort them.
func (c *apiRequest) newestLogsPage(rows []*row, offset, limit int) []*row {
	created := func(r *row) int64 { return r.created }
	if c.s.orderly || len(rows) > sortLimit {
		return unstablePage(sortedNewestFirst(rows), created, offset, limit, c.tieSalt(0))
	}
	return window(postgresTopN(rows, created, offset+limit), offset, limit)
}

func (c *apiRequest) listLogs() answer {
	f := &logFilter{key: c.q.get("logKey"), payload: map[string]string{}, prefixes: []string{
		"ExchangeTokenBy", "RevokeToken", "RevokeGrants", "Interaction", "JwtCustomizer", "SamlApplication", "Action", "Unknown",
	}}
	for _, k := range []string{"userId", "applicationId"} {
		if v := c.q.get(k); v != "" {
			f.payload[k] = v
		}
	}
	return c.listLogsInWindow(f, true)
}

// listLogsInWindow checks paging, then the window, then answers.
func (c *apiRequest) listLogsInWindow(f *logFilter, tenant bool) answer {
	if _, _, _, ok := c.paging(false); !ok {
		return c.answerListing(listing{})
	}
	if a, ok := c.parseTimeWindow(f); !ok {
		return a
	}
	return c.listFilteredLogs(f, tenant)
}

func (c *apiRequest) hookRecentLogs() answer {
	f := &logFilter{key: c.q.get("logKey"), payload: map[string]string{"hookId": c.args[0]}, prefixes: []string{"TriggerHook"}}
	if _, _, _, ok := c.paging(false); !ok {
		return c.answerListing(listing{})
	}
	if a, ok := c.parseTimeWindow(f); !ok {
		return a
	}
	if math.IsNaN(f.from) && math.IsNaN(f.to) {
		f.from = float64(c.t.Now().Add(-24 * time.Hour).UnixMilli())
	}
	return c.listFilteredLogs(f, false)
}

func (c *apiRequest) appendHook(b []byte, r *row) []byte {
	b = c.appendOpenRow(b, c.t.tables["hooks"], r, true)
	if !c.q.isTrue("includeExecutionStats") {
		return append(b, '}')
	}
	logs := c.t.tables["logs"]
	f := &logFilter{
		payload: map[string]string{"hookId": r.id}, prefixes: []string{"TriggerHook"},
		from: float64(c.t.Now().Add(-24 * time.Hour).UnixMilli()), to: math.NaN(),
	}
	requests, successes := 0, 0
	for _, l := range logs.heap {
		if f.accepts(logs, l) {
			requests++
			if payload, _ := decodeRawJSON(logs.columnJSON(l, "payload")).(map[string]any); payload["result"] == "Success" {
				successes++
			}
		}
	}
	return append(b, `,"executionStats":{"successCount":`+encodeJSON(successes)+`,"requestCount":`+encodeJSON(requests)+`}}`...)
}

func (c *apiRequest) listHooks() answer {
	tab := c.t.tables["hooks"]
	l := foundRowsListing(func() []*row { return sortedNewestFirst(tab.heap) }, c.appendHook)
	l.optional = true
	return c.answerListing(l)
}

func (c *apiRequest) getHook() answer {
	if a, ok := c.requireRowExists("hooks"); !ok {
		return a
	}
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	return answer{status: 200, body: c.appendHook(nil, c.t.tables["hooks"].rowByID(c.args[0]))}
}
