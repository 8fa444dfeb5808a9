package logto

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// initialConcurrency is what a client begins with, or the next lower step.
	initialConcurrency = 4
	// minSamples is how many answers two steps are compared by. Of times spread
	// evenly over 50 to 400 ms that misjudges one comparison in two hundred.
	minSamples = 32
	// minProbeInterval and maxProbeInterval are how many answers pass between two
	// probes of another step, the first time and in the end.
	minProbeInterval, maxProbeInterval = 8 * minSamples, 64 * minSamples
)

// A concurrencyLimiter bounds the requests in flight. It adapts: it finds how
// many the server answers as quickly as fewer, up to a ceiling. A server with a
// rate limit has said what it bears: then the bound is the ceiling.
//
// Twice as many in flight bring twice the answers as long as each comes as
// quickly as before. Once they wait for each other inside the server, nothing
// is gained, and everybody else's requests wait behind them: the same server
// signs people in. So a step is good if its answers take less than √f times as
// long as those of the step below, f being how many times as many are in
// flight: more than half of what they could bring. The steps are the ceiling and
// its halves. The next higher one is probed from time to time, and the next
// lower one, because servers become slower.
//
// Answers are compared with those to requests of the same kind: a page of
// users takes longer than one role. They count while every slot is in use.
//
// It is safe for concurrent use.
type concurrencyLimiter struct {
	prefix   string // of the paths of the API
	ceiling  int
	fixed    bool          // at the ceiling, no probes
	slots    chan struct{} // free slots
	onChange func(n int)   // called with every new limit, under mu

	mu             sync.Mutex
	permitted      int             // slots there are: more than allowed until enough are released
	baseHalvings   int             // how often the ceiling is halved, outside probes
	halvings       int             // the same now, probes included
	changedAt      time.Time       // requests sent earlier do not count
	baseLatencies  latenciesByKind // outside probes
	probeLatencies latenciesByKind // of the probe under way
	probeUp        bool            // probe the higher step next, else the lower one
	untilProbe     int             // answers until the next probe
	probeInterval  int             // answers between probes
}

// newConcurrencyLimiter returns the limiter of a client. changed is called with
// the first limit and with every new one.
func newConcurrencyLimiter(cfg Config, prefix string, changed func(n int)) *concurrencyLimiter {
	c := &concurrencyLimiter{
		prefix: prefix, ceiling: cfg.Concurrency, fixed: cfg.Limit != (RateLimit{}),
		slots: make(chan struct{}, cfg.Concurrency), onChange: changed, probeUp: true, probeInterval: minProbeInterval,
	}
	for !c.fixed && c.limitAfterHalvings(c.baseHalvings) > initialConcurrency {
		c.baseHalvings++
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setHalvings(c.baseHalvings)
	return c
}

// limitAfterHalvings is the limit at a number of halvings.
func (c *concurrencyLimiter) limitAfterHalvings(halved int) int { return max(1, c.ceiling>>halved) }

// acquire waits for a slot. The error is ctx's.
func (c *concurrencyLimiter) acquire(ctx context.Context) error {
	select {
	case <-c.slots:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release gives a slot back.
func (c *concurrencyLimiter) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.permitted > c.limitAfterHalvings(c.halvings) {
		c.permitted--
		return
	}
	c.slots <- struct{}{}
}

// setHalvings moves to a step; requests in flight count towards its limit.
func (c *concurrencyLimiter) setHalvings(halved int) {
	c.halvings, c.changedAt, c.probeLatencies = halved, time.Now(), nil
	n := c.limitAfterHalvings(halved)
	for ; c.permitted < n; c.permitted++ {
		c.slots <- struct{}{}
	}
	for c.permitted > n && c.removeFreeSlot() {
		c.permitted--
	}
	c.onChange(n)
}

// removeFreeSlot takes a free slot away, if there is one.
func (c *concurrencyLimiter) removeFreeSlot() bool {
	select {
	case <-c.slots:
		return true
	default:
		return false
	}
}

// setBase makes a step the base, with the latencies known of it, and probes
// another one after wait answers.
func (c *concurrencyLimiter) setBase(halved int, known latenciesByKind, up bool, wait int) {
	if c.halvings != halved {
		c.setHalvings(halved)
	}
	c.baseHalvings, c.baseLatencies, c.probeLatencies, c.probeUp, c.untilProbe = halved, known, nil, up, wait
}

// observe records the answer to a request: its status, or the error of a request
// without one. Token requests do not count.
func (c *concurrencyLimiter) observe(u *url.URL, sent time.Time, status int, err error) {
	if c.fixed {
		return
	}
	kind, ok := c.requestKind(u)
	if !ok {
		return
	}
	took := time.Since(sent)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case sent.Before(c.changedAt):
	case errors.Is(err, errTimeout) || isOverloadStatus(status):
		c.probeInterval = minProbeInterval
		c.setBase(c.nextLowerStep(c.halvings), nil, true, c.probeInterval)
	case status != http.StatusOK: // says nothing of how busy the server is
	case len(c.slots) == 0:
		c.adaptToLatency(kind, took)
	}
}

// nextLowerStep returns the next lower step, or the lowest.
func (c *concurrencyLimiter) nextLowerStep(halved int) int {
	if c.limitAfterHalvings(halved) == 1 {
		return halved
	}
	return halved + 1
}

// isOverloadStatus leaves out 429, after which the throttle pauses the tenant.
func isOverloadStatus(status int) bool {
	return slices.Contains([]int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, status)
}

// adaptToLatency counts an answer at the current step, and decides about a probe.
func (c *concurrencyLimiter) adaptToLatency(kind string, took time.Duration) {
	if c.halvings == c.baseHalvings {
		c.baseLatencies = c.baseLatencies.add(kind, took)
		if c.untilProbe--; c.untilProbe <= 0 && c.baseLatencies.count() >= minSamples {
			c.startProbe()
		}
		return
	}
	c.probeLatencies = c.probeLatencies.add(kind, took)
	low, high := c.baseLatencies, c.probeLatencies
	if c.halvings > c.baseHalvings {
		low, high = high, low
	}
	slower, by := latencyRatio(low, high)
	if by < minSamples {
		switch { // the run may ask for something else by now
		case c.probeLatencies.count() <= 4*minSamples:
		case c.halvings < c.baseHalvings:
			c.setBase(c.baseHalvings, nil, true, 0)
		default:
			c.keepBaseForInterval()
		}
		return
	}
	lower, higher := max(c.halvings, c.baseHalvings), min(c.halvings, c.baseHalvings)
	good := slower < math.Sqrt(float64(c.limitAfterHalvings(higher))/float64(c.limitAfterHalvings(lower)))
	switch {
	case good && c.halvings == higher: // up
		c.setBase(higher, c.probeLatencies, true, 0)
	case good: // a probe of the lower step confirmed the base; is more good?
		c.setBase(higher, nil, true, 0)
	case c.halvings == lower: // down, and perhaps further
		c.probeInterval = minProbeInterval
		c.setBase(lower, c.probeLatencies, false, 0)
	default:
		c.keepBaseForInterval()
	}
}

// startProbe moves to the step that is to be probed next.
func (c *concurrencyLimiter) startProbe() {
	switch {
	case c.probeUp && c.baseHalvings > 0:
		c.setHalvings(c.baseHalvings - 1)
	case !c.probeUp && c.limitAfterHalvings(c.baseHalvings) > 1:
		c.setHalvings(c.nextLowerStep(c.baseHalvings))
	default:
		c.keepBaseForInterval()
	}
}

// keepBaseForInterval keeps the base for an interval, and probes the lower step after it, or
// the higher one if there is no lower.
func (c *concurrencyLimiter) keepBaseForInterval() {
	c.setBase(c.baseHalvings, nil, c.limitAfterHalvings(c.baseHalvings) == 1, c.probeInterval)
	c.probeInterval = min(2*c.probeInterval, maxProbeInterval)
}

// requestKind returns a path without its ids and the names of the query's
// parameters, such as users//roles/page&. It is false outside the API.
func (c *concurrencyLimiter) requestKind(u *url.URL) (string, bool) {
	path, ok := strings.CutPrefix(u.EscapedPath(), c.prefix+"/")
	if !ok {
		return "", false
	}
	var b strings.Builder
	for i, part := range strings.Split(path, "/") {
		if i%2 == 0 { // names and ids alternate
			b.WriteString(part)
		}
		b.WriteByte('/')
	}
	last := ""
	for parameter := range strings.SplitSeq(u.RawQuery, "&") { // sorted, and some many times
		if name, _, _ := strings.Cut(parameter, "="); name != last {
			b.WriteString(name)
			b.WriteByte('&')
			last = name
		}
	}
	return b.String(), true
}

// latenciesByKind are how long answers took, by the kind of request.
type latenciesByKind map[string]logMean

// A logMean is the mean of the logarithms of times, which a few answers that
// take ten times as long do not distort.
type logMean struct {
	n   int
	sum float64
}

func (t latenciesByKind) add(kind string, took time.Duration) latenciesByKind {
	if t == nil {
		t = latenciesByKind{}
	}
	known := t[kind]
	t[kind] = logMean{known.n + 1, known.sum + math.Log(max(1, float64(took)))}
	return t
}

func (t latenciesByKind) count() (n int) {
	for _, known := range t {
		n += known.n
	}
	return n
}

// latencyRatio returns how many times as long answers took at high as at low, compared
// by so many of each.
func latencyRatio(low, high latenciesByKind) (slower float64, by int) {
	sum := 0.0
	for kind, h := range high {
		l := low[kind]
		if n := min(l.n, h.n); n > 0 {
			sum += float64(n) * (h.sum/float64(h.n) - l.sum/float64(l.n))
			by += n
		}
	}
	return math.Exp(sum / float64(max(1, by))), by
}
