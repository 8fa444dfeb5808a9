package logtotest

import (
	"bytes"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An injectedFault fault counts what it has seen.
type injectedFault struct {
	Fault
	seen, done int
}

// Inject adds a fault and returns what takes it away again. Where several match,
// delays add up and of the rest the first injected wins.
func (s *Server) Inject(f Fault) (remove func()) {
	in := &injectedFault{Fault: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, in)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(o *injectedFault) bool { return o == in })
	}
}

// Throttle answers 429 to more than limit requests in any window, by arrival:
// Logto Cloud does at 200 in 10 s. Refused requests do not count. The answer has
// a Retry-After when retryAfter is set. limit 0 ends it.
func (s *Server) Throttle(limit int, window time.Duration, retryAfter bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.throttle = throttle{limit: limit, window: window, sendRetryAfter: retryAfter}
}

// FailOnRow makes every answer that would contain the row with this id (a user, an
// organization, ...) a 500, until RepairRow.
func (s *Server) FailOnRow(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.brokenRows = append(s.brokenRows, `"id":`+quote(id))
}

// RepairRow ends what FailOnRow began; unknown ids do nothing.
func (s *Server) RepairRow(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.brokenRows = slices.DeleteFunc(s.brokenRows, func(p string) bool { return p == `"id":`+quote(id) })
}

type throttle struct {
	limit          int
	window         time.Duration
	sendRetryAfter bool
	accepted       []time.Time
}

// checkThrottle decides about a request that arrives now.
func (s *Server) checkThrottle(now time.Time) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.throttle
	if t.limit == 0 {
		return answer{}, false
	}
	for len(t.accepted) > 0 && now.Sub(t.accepted[0]) >= t.window {
		t.accepted = t.accepted[1:]
	}
	if len(t.accepted) < t.limit {
		t.accepted = append(t.accepted, now)
		return answer{}, false
	}
	s.counts.Throttled++
	a := answer{status: http.StatusTooManyRequests, body: []byte(`{"message":"Too many requests."}`)}
	if t.sendRetryAfter {
		wait := t.window - now.Sub(t.accepted[0])
		a.addHeader("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	return a, true
}

// pickFaults finds the faults of a request: what it costs in time, the faults of its
// rows and headers, and the one that replaces or cuts the answer, nil for none.
func (s *Server) pickFaults(r *http.Request) (wait time.Duration, inside []Fault, replaces *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, in := range s.faults {
		f := &in.Fault
		if !pathMatches(f.Path, r.URL.Path) || f.Query != "" && !strings.Contains(r.URL.RawQuery, f.Query) || f.Count > 0 && in.done >= f.Count {
			continue
		}
		if in.seen++; in.seen <= f.Skip {
			continue
		}
		if f.Kind != Delay && (replaces != nil || len(inside) > 0) {
			continue
		}
		s.dice++
		chance := float64(mixSeed(s.seed, s.dice)>>11) / (1 << 53)
		if f.Probability > 0 && chance >= f.Probability {
			continue
		}
		in.done++
		switch f.Kind {
		case Delay:
			wait += f.Delay
			if f.DelayMax > f.Delay {
				wait += time.Duration(chance * float64(f.DelayMax-f.Delay))
			}
			continue
		case Empty, Short, WrongPage, NoTotal, Capped:
			inside = append(inside, *f)
		default:
			copied := *f
			replaces = &copied
		}
		s.counts.Faulted++
	}
	return wait, inside, replaces
}

// pathMatches compares a path with a pattern, * being one element.
func pathMatches(pattern, path string) bool {
	if pattern == "" {
		return strings.HasPrefix(path, "/api/")
	}
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, have, func(w, h string) bool { return w == "*" || w == h })
}

// respondWithFaults answers a request, with everything that is to go wrong.
func (s *Server) respondWithFaults(w http.ResponseWriter, r *http.Request, c *apiRequest, next func() answer) {
	wait, inside, f := s.pickFaults(r)
	if wait > 0 {
		sleep(r.Context(), wait)
	}
	c.faults = inside
	if f != nil && f.Kind == Reset {
		resetConnection(w)
		return
	}
	if f != nil {
		if a, instead := s.faultAnswer(f, r); instead {
			a.write(w, r)
			return
		}
	}
	a := next()
	if s.hasBrokenRow(a.body) {
		a = internalError()
	}
	if f != nil && f.Kind == Close {
		w.Header().Set("Connection", "close")
	}
	if f != nil && f.Kind == Truncate && len(a.body) > 1 {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		a.body = a.body[:len(a.body)/2]
		a.writeAndAbort(w)
	}
	a.write(w, r)
	a.releaseBody()
}

// writeAndAbort sends half an answer and aborts, which closes the connection.
func (a *answer) writeAndAbort(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the connection is about to go anyway
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

// faultAnswer is the answer of a fault that takes the place of the real one.
func (s *Server) faultAnswer(f *Fault, r *http.Request) (answer, bool) {
	switch f.Kind {
	case Status:
		a := answer{status: f.Status, body: []byte(`{"message":` + quote(http.StatusText(f.Status)+".") + `}`)}
		if f.Status == http.StatusInternalServerError {
			a = internalError()
		}
		if f.RetryAfter > 0 {
			a.addHeader("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
		}
		return a, true
	case HTML:
		a := answer{status: http.StatusOK, body: []byte("<!doctype html><title>Logto</title><p>Please sign in.")}
		a.addHeader("Content-Type", "text/html; charset=utf-8")
		return a, true
	case Garbage:
		return answer{status: http.StatusOK, body: []byte(`[{"id":"abc","na`)}, true
	case Missing:
		return plainText(http.StatusNotFound), true
	case Revoke:
		s.mu.Lock()
		delete(s.tokens, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		s.mu.Unlock()
		return unauthorized(`{"code":"ERR_JWS_SIGNATURE_VERIFICATION_FAILED","name":"JWSSignatureVerificationFailed"}`), true
	}
	return answer{}, false
}

func (s *Server) hasBrokenRow(body []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.brokenRows {
		if bytes.Contains(body, []byte(p)) {
			s.counts.Faulted++
			return true
		}
	}
	return false
}
