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
	Seconds     float64    `json:"seconds"` // until it was published, or ended otherwise
	PublishedAt *time.Time `json:"published_at"`
	Error       string     `json:"error,omitempty"`
	// IDBatchLimit is what a proxy before the tenant allows; nil: all that is asked.
	IDBatchLimit *IDBatchLimitReport `json:"request_limit,omitempty"`
	Listings     []state.Certificate `json:"listings"`
	// YieldsTo says what a run of changes left the tenant to, where Status is
	// state.Yielded.
	YieldsTo string `json:"yields_to,omitempty"`
	// Changed is what a run of changes published, by listing; nil of other runs.
	Changed []ListingChange `json:"changed,omitempty"`
	// Followed is up to when it follows which listing; nil of other runs.
	Followed []state.FollowedListing `json:"followed,omitempty"`
}

// A ListingChange is what a run of changes did to the root table of a listing.
type ListingChange struct {
	Listing  string `json:"listing"`
	Inserted int64  `json:"inserted"`
	Updated  int64  `json:"updated"`
	Deleted  int64  `json:"deleted"`
}

// Proved reports whether the run was published and every listing is proved.
func (s Summary) Proved() bool { return s.Status == state.Succeeded }

// setEffort fills in what the run has cost.
func (s *Summary) setEffort(c logto.Stats, took time.Duration) {
	s.Requests, s.Retries, s.Throttled = c.Requests, c.Retries, c.Throttled
	s.Waited, s.Seconds = c.Waited.Seconds(), took.Seconds()
}

func effortFrom(c logto.Stats, took time.Duration) state.Effort {
	return state.Effort{Requests: c.Requests, Retries: c.Retries, Throttled: c.Throttled, Seconds: took.Seconds()}
}
