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
	// firstLevel is what a client begins with, or the next lower level.
	firstLevel = 4
	// enough is how many answers two levels are compared by. Of times spread
	// evenly over 50 to 400 ms it mistakes one comparison in two hundred.
	enough = 32
	// shortPause and longPause are how many answers pass between two looks at
	// another level, the first time and in the end.
	shortPause, longPause = 8 * enough, 64 * enough
)

// A level is how many requests may be in flight. It finds out how many the
// server answers as quickly as fewer, up to a ceiling. A server with a limit has
// said what it bears: there the level is the ceiling.
//
// Twice as many in flight bring twice the answers as long as each comes as
// quickly as before. Once they wait for each other inside the server, nothing
// is gained, and everybody else's requests wait behind them: the same server
// signs people in. So a level is good if its answers take less than √f times as
// long as those of the level below, f being how many times as many are in
// flight: more than half of what they could bring. Levels are the ceiling and
// its halves; the next higher one is tried from time to time, and the next
// lower one, for servers become slower.
//
// Answers are compared with those to requests of the same kind, for a page of
// users takes longer than one role. They count while every slot is in use.
//
// A level is safe for use by several goroutines.
type level struct {
	prefix  string // of the paths of the API
	ceiling int
	fixed   bool          // at the ceiling
	free    chan struct{} // the slots nobody uses
	changed func(n int)   // hears of every change, under mu

	mu    sync.Mutex
	slots int       // there are: more than allowed until enough have come back
	home  int       // how often the ceiling is halved
	at    int       // the same, while another level is looked at
	since time.Time // requests sent before were sent at another level
	here  times     // at home
	there times     // at the other level
	up    bool      // look up next, else down
	wait  int       // answers until then
	pause int       // answers to wait for next time
}

// newLevel returns the level of a client. Changed hears of it, and of every
// change.
func newLevel(cfg Config, prefix string, changed func(n int)) *level {
	l := &level{
		prefix: prefix, ceiling: cfg.Concurrency, fixed: cfg.Limit != (Limit{}),
		free: make(chan struct{}, cfg.Concurrency), changed: changed, up: true, pause: shortPause,
	}
	for !l.fixed && l.allowed(l.home) > firstLevel {
		l.home++
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.move(l.home)
	return l
}

// allowed is how many requests a level lets out.
func (l *level) allowed(halved int) int { return max(1, l.ceiling>>halved) }

// enter waits for a slot. The error is ctx's.
func (l *level) enter(ctx context.Context) error {
	select {
	case <-l.free:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave gives a slot back.
func (l *level) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.slots > l.allowed(l.at) {
		l.slots--
		return
	}
	l.free <- struct{}{}
}

// move lets as many requests out as a level allows, those in flight included.
func (l *level) move(halved int) {
	l.at, l.since, l.there = halved, time.Now(), nil
	n := l.allowed(halved)
	for ; l.slots < n; l.slots++ {
		l.free <- struct{}{}
	}
	for l.slots > n && l.withdraw() {
		l.slots--
	}
	l.changed(n)
}

// withdraw takes a free slot away, if there is one.
func (l *level) withdraw() bool {
	select {
	case <-l.free:
		return true
	default:
		return false
	}
}

// settle makes a level home, at which so much is known, and looks at another
// one after so many answers.
func (l *level) settle(halved int, known times, up bool, wait int) {
	if l.at != halved {
		l.move(halved)
	}
	l.home, l.here, l.there, l.up, l.wait = halved, known, nil, up, wait
}

// heard takes the answer to a request: its status, or the error of a request
// that had none. Those for tokens are not looked at.
func (l *level) heard(u *url.URL, sent time.Time, status int, err error) {
	if l.fixed {
		return
	}
	kind, ok := l.kind(u)
	if !ok {
		return
	}
	took := time.Since(sent)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case sent.Before(l.since):
	case errors.Is(err, errTimeout) || overloaded(status):
		l.pause = shortPause
		l.settle(l.below(l.at), nil, true, l.pause)
	case status != http.StatusOK: // says nothing of how busy the server is
	case len(l.free) == 0:
		l.took(kind, took)
	}
}

// below is the next lower level, or the lowest.
func (l *level) below(halved int) int {
	if l.allowed(halved) == 1 {
		return halved
	}
	return halved + 1
}

// overloaded is not 429, after which the brake holds the tenant back: fewer at
// once would be met by one refusal after another, and each doubles the hold.
func overloaded(status int) bool {
	return slices.Contains([]int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, status)
}

// took counts an answer at the level it was given at, and decides.
func (l *level) took(kind string, took time.Duration) {
	if l.at == l.home {
		l.here = l.here.with(kind, took)
		if l.wait--; l.wait <= 0 && l.here.count() >= enough {
			l.look()
		}
		return
	}
	l.there = l.there.with(kind, took)
	low, high := l.here, l.there
	if l.at > l.home {
		low, high = high, low
	}
	slower, by := compare(low, high)
	if by < enough {
		switch { // the run may ask for something else by now
		case l.there.count() <= 4*enough:
		case l.at < l.home:
			l.settle(l.home, nil, true, 0)
		default:
			l.stay()
		}
		return
	}
	lower, higher := max(l.at, l.home), min(l.at, l.home)
	good := slower < math.Sqrt(float64(l.allowed(higher))/float64(l.allowed(lower)))
	switch {
	case good && l.at == higher: // up
		l.settle(higher, l.there, true, 0)
	case good: // a look down found that home is good; is more?
		l.settle(higher, nil, true, 0)
	case l.at == lower: // down, and perhaps further
		l.pause = shortPause
		l.settle(lower, l.there, false, 0)
	default:
		l.stay()
	}
}

// look goes to the level that is next to be looked at.
func (l *level) look() {
	switch {
	case l.up && l.home > 0:
		l.move(l.home - 1)
	case !l.up && l.allowed(l.home) > 1:
		l.move(l.below(l.home))
	default:
		l.stay()
	}
}

// stay stays at home for a pause, and looks down after it, or up where there
// is no down.
func (l *level) stay() {
	l.settle(l.home, nil, l.allowed(l.home) == 1, l.pause)
	l.pause = min(2*l.pause, longPause)
}

// kind is a path without its ids, and what was asked of it: /users// with the
// names of the query's parameters. It is false for what is not of the API.
func (l *level) kind(u *url.URL) (string, bool) {
	path, ok := strings.CutPrefix(u.EscapedPath(), l.prefix+"/")
	if !ok {
		return "", false
	}
	var b strings.Builder
	for i, part := range strings.Split(path, "/") {
		if i%2 == 0 { // names and ids take turns
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

// times are how long answers took, by the kind of request.
type times map[string]logarithms

// logarithms are those of times: their mean bears the few answers that take
// ten times as long.
type logarithms struct {
	n   int
	sum float64
}

func (t times) with(kind string, took time.Duration) times {
	if t == nil {
		t = times{}
	}
	known := t[kind]
	t[kind] = logarithms{known.n + 1, known.sum + math.Log(max(1, float64(took)))}
	return t
}

func (t times) count() (n int) {
	for _, known := range t {
		n += known.n
	}
	return n
}

// compare returns how many times as long answers took at high as at low, by so
// many of each.
func compare(low, high times) (slower float64, by int) {
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
