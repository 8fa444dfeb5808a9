package logtotest

import "time"

// A FaultKind says what goes wrong.
type FaultKind int

// The kinds of Fault. Empty to Capped change paged answers only, the others any.
const (
	Status    FaultKind = iota // answer Fault.Status with an error body
	Reset                      // reset the connection without an answer
	Truncate                   // send the headers and half of the body, then cut the connection
	Delay                      // answer late, by Fault.Delay up to Fault.DelayMax
	HTML                       // 200 with a page of HTML
	Garbage                    // 200, application/json, not JSON
	Empty                      // 200 with [] and the right totals
	Short                      // 200 with the last row missing from the page
	WrongPage                  // 200 with the rows of the page before
	NoTotal                    // no Total-Number and no Link
	Capped                     // Total-Number-Is-Capped: true, and Total-Number at most Fault.Cap
	Missing                    // 404 Not Found in plain text: an endpoint of a newer version
	Close                      // answer, then close the connection, as when idle
	Revoke                     // revoke the request's token: 401
)

// A Fault is a misbehaviour. The zero values of the fields that narrow it mean
// "every request, for ever".
type Fault struct {
	Kind        FaultKind
	Path        string        // a path, * for one element: "/api/roles/*/users"; "" is every path under /api
	Query       string        // only requests whose raw query contains it
	Probability float64       // 0 is always; otherwise by the server's seed
	Skip        int           // let the first n matching requests pass
	Count       int           // end after n requests; 0 is never
	Status      int           // for Status
	RetryAfter  time.Duration // for Status: sent in whole seconds, 0 sends none
	Delay       time.Duration // for Delay
	DelayMax    time.Duration // for Delay: a random time between the two
	Cap         int           // for Capped
}
