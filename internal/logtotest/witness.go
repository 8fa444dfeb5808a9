package logtotest

import "time"

// Counters are what the server has seen since it began or was last forgotten.
type Counters struct {
	Requests      int // all but tokens and /api/status, refused ones included
	Tokens        int // tokens issued
	Throttled     int // 429 answered by Throttle
	Faulted       int // answers spoilt by a Fault or Poison
	MaxConcurrent int // most requests in progress at one time
}

// Counters returns the counts.
func (s *Server) Counters() Counters { return Counters{} }

// Requests counts requests whose path matches pattern: * is one element, "" is
// all of them. Tokens are counted only when named: "/oidc/token".
func (s *Server) Requests(pattern string) int { return 0 }

// RequestsOf counts requests for exactly this path and query.
func (s *Server) RequestsOf(uri string) int { return 0 }

// MaxIn returns the most requests that arrived within any window of this
// length, tokens not counted.
func (s *Server) MaxIn(window time.Duration) int { return 0 }

// URIs lists path and query of every request in order of arrival, for the
// first million.
func (s *Server) URIs() []string { return nil }

// Forget sets all counters to zero.
func (s *Server) Forget() {}
