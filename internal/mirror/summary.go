package mirror

import (
	"time"

	"logto-syncer/internal/logto"
	"logto-syncer/internal/state"
)

// A Summary is what a run of one tenant came to. Its JSON form is a promise:
// fields may be added, none is renamed or removed.
type Summary struct {
	Type        string     `json:"type"` // "summary"
	Status      string     `json:"status"`
	Tenant      string     `json:"tenant"`
	RunID       int64      `json:"run_id"`
	Resumed     bool       `json:"resumed"`
	Resumable   bool       `json:"resumable"`
	Requests    int64      `json:"requests"`
	Retries     int64      `json:"retries"`
	Throttled   int64      `json:"throttled"`
	Waited      float64    `json:"waited_seconds"`
	Seconds     float64    `json:"seconds"`
	PublishedAt *time.Time `json:"published_at"`
	Error       string     `json:"error,omitempty"`
	// RequestLimit is what a proxy before the tenant allows; nil: all that is asked.
	RequestLimit *RequestLimit       `json:"request_limit,omitempty"`
	Listings     []state.Certificate `json:"listings"`
}

// Proved reports whether the run was published and every listing is proved.
func (s Summary) Proved() bool { return s.Status == state.Succeeded }

// effort fills in what the run has cost.
func (s *Summary) effort(c logto.Stats, took time.Duration) {
	s.Requests, s.Retries, s.Throttled = c.Requests, c.Retries, c.Throttled
	s.Waited, s.Seconds = c.Waited.Seconds(), took.Seconds()
}

func effortFrom(c logto.Stats, took time.Duration) state.Effort {
	return state.Effort{Requests: c.Requests, Retries: c.Retries, Throttled: c.Throttled, Seconds: took.Seconds()}
}
