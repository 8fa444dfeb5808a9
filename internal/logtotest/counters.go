package logtotest

import (
	"net/http"
	"slices"
	"time"
)

// Counters are what the server has seen since it began or was last reset.
type Counters struct {
	Requests      int // all but tokens and /api/status, refused ones included
	Tokens        int // tokens issued
	Throttled     int // 429 answered by Throttle
	Faulted       int // answers changed by a Fault (delays apart) or FailOnRow
	MaxConcurrent int // most requests in progress at one time
}

// maxURIs is how many requests URIs remembers.
const maxURIs = 100_000

// countRequest counts a request in and numbers it.
func (s *Server) countRequest(r *http.Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Requests++
	s.active++
	s.counts.MaxConcurrent = max(s.counts.MaxConcurrent, s.active)
	s.arrivals = append(s.arrivals, time.Now())
	s.paths[r.URL.Path]++
	if len(s.uris) < maxURIs {
		s.uris = append(s.uris, r.URL.RequestURI())
	}
	return s.counts.Requests
}

func (s *Server) requestDone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
}

// Counters returns the counts.
func (s *Server) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// RequestsMatching counts requests whose path matches pattern: * is one element, "" is
// all under /api. Tokens are counted only when named: "/oidc/token".
func (s *Server) RequestsMatching(pattern string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for path, k := range s.paths {
		if pathMatches(pattern, path) {
			n += k
		}
	}
	return n
}

// RequestsForURI counts requests for exactly this path and query, among URIs.
func (s *Server) RequestsForURI(uri string) int {
	n := 0
	for _, u := range s.URIs() {
		if u == uri {
			n++
		}
	}
	return n
}

// MaxRequestsIn returns the most requests that arrived within any window of this
// length, tokens not counted.
func (s *Server) MaxRequestsIn(window time.Duration) int {
	s.mu.Lock()
	times := slices.Clone(s.arrivals)
	s.mu.Unlock()
	most, from := 0, 0
	for i, t := range times {
		for t.Sub(times[from]) >= window {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// URIs lists path and query of the requests in order of arrival, the first
// hundred thousand.
func (s *Server) URIs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.uris)
}

// ResetCounters sets all counters to zero; requests are numbered from 1 again.
func (s *Server) ResetCounters() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts, s.arrivals, s.uris = Counters{}, nil, nil
	clear(s.paths)
}
