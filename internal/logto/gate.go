package logto

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// A Limit is the most requests the server may see in any window of length Per,
// wherever the window begins. The zero Limit is none.
type Limit struct {
	Requests int
	Per      time.Duration
}

func (l Limit) check() error {
	switch {
	case l == Limit{}:
		return nil
	case l.Requests < 1 || l.Requests > 100_000:
		return errors.New("limit: want between 1 and 100,000 requests")
	case l.Per <= 0 || l.Per > 24*time.Hour:
		return errors.New("limit: want a time between 0 and 24 hours")
	}
	return nil
}

const (
	// share is how much of the limit the pace uses.
	share = 0.98
	// lag is how long after it was sent a request of an earlier process may
	// still have reached the server.
	lag = 250 * time.Millisecond
	// others is how many requests may have been sent since by those who do not
	// say when: syncer check sends two, syncer plan eighteen at most.
	others = 20
)

// A gate lets the requests of one tenant out. Every request passes it: those
// for tokens and retries too.
//
// The limit holds for any window *as the server counts*, and what a client
// sends evenly does not arrive evenly: a dial takes longer than a kept
// connection, a busy server reads six requests at one moment. Hence two
// bounds:
//
//   - Tickets, one for each request of the limit. A request takes a ticket
//     along and it comes back when the answer has; it may be used again Per
//     later. Whenever between the two the server counted the request, it
//     counted no other one by this ticket less than Per away. So no window of
//     Per sees more requests than there are tickets, however late they arrive.
//     The price is the time of an answer: N requests in Per + latency.
//   - The pace, 0.98 N in Per, which spreads the requests over the window so
//     that it is not used up at its beginning. Its burst is half of N:
//     turns missed while all connections wait for slow answers, or while a run
//     begins, can be made up for. Of a small limit it is what 0.98 leaves of N,
//     at least 1.
//
// So the rate is the lesser of 0.98 N / Per and N / (Per + latency): of 200 in
// 10 s it is 0.98 up to an average latency of 0.2 s, 0.975 at 0.25 s.
//
// A process does not see what an earlier one sent. It is told how long ago the
// last of that may have been sent; until then it assumes the worst: that one
// sent N requests within Per, as many as burst allows at the last moment, and
// they arrived up to lag late. Bucket and tickets begin as that process would
// have left them. This costs the first request of 200 in 10 s about 5 s after a
// process that died, and nothing where the tenant has rested for Per and lag.
// What others may have sent unheard is taken from the tickets and from the burst.
type gate struct {
	pace    *rate.Limiter  // nil: no limit
	tickets chan time.Time // when each that is not out may be used
	per     time.Duration
	burst   int
	used    atomic.Bool // a request has come to pass
	counts  *counts
	brake   brake
}

func newGate(cfg Config, tune tuning, counts *counts) *gate {
	l := cfg.Limit
	g := &gate{counts: counts, per: l.Per}
	g.brake.log, g.brake.first, g.brake.patience = cfg.Log, tune.hold, cfg.Patience
	if l == (Limit{}) {
		return g
	}
	g.burst = max(1, l.Requests-int(math.Ceil(share*float64(l.Requests)-1e-9)), min(l.Requests/2, l.Requests-others))
	g.tickets = make(chan time.Time, l.Requests)
	g.begin(0)
	return g
}

// begin sets pace and tickets as a process would have left them that sent its
// last request so long ago.
func (g *gate) begin(ago time.Duration) {
	n := cap(g.tickets)
	ago = min(ago, g.per+lag)
	turn := time.Duration(float64(g.per) / (share * float64(n)))
	now := time.Now()
	g.pace = rate.NewLimiter(rate.Limit(float64(time.Second)/float64(turn)), g.burst)
	g.pace.AllowN(now, min(g.burst, max(0, g.burst-int(ago/turn))+others))
	burst := func(before int) time.Duration { return lag - time.Duration(max(0, before-(g.burst-1)))*turn }
	for before := n - 1; before >= 0; before-- {
		counted := burst(before) // if all of it was sent just now
		if before >= others {
			counted = min(counted, burst(before-others)-ago)
		}
		g.tickets <- now.Add(counted + g.per)
	}
}

// rested is begin for a gate nobody has passed yet, and nobody is passing.
func (g *gate) rested(ago time.Duration) {
	if g.pace == nil || g.used.Load() {
		return
	}
	for range cap(g.tickets) {
		<-g.tickets
	}
	g.begin(ago)
}

// pass waits until a request may go out. The caller calls done when its answer
// has begun to arrive, or it failed. The error is ctx's, or the brake's.
//
// The pace comes last, for what it spaces out must not meet again behind it;
// a process that begins relies on that.
func (g *gate) pass(ctx context.Context) (done func(), err error) {
	began := time.Now()
	defer func() { g.counts.waited.Add(int64(time.Since(began))) }()
	g.used.Store(true)
	usable, err := g.ticket(ctx)
	if err != nil {
		return nil, err
	}
	for {
		if err := g.brake.free(ctx); err != nil {
			g.giveBack(usable)
			return nil, err
		}
		if err := g.turn(ctx); err != nil {
			g.giveBack(usable)
			return nil, err
		}
		if g.brake.held() <= 0 { // else the hold began while the request stood in line
			return func() { g.giveBack(time.Now().Add(g.per)) }, nil
		}
	}
}

// ticket waits for a ticket, and returns since when it is usable.
func (g *gate) ticket(ctx context.Context) (usable time.Time, err error) {
	if g.pace == nil {
		return time.Time{}, ctx.Err()
	}
	select {
	case usable = <-g.tickets:
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
	if err := sleep(ctx, time.Until(usable)); err != nil {
		g.giveBack(usable)
		return time.Time{}, err
	}
	return usable, nil
}

func (g *gate) giveBack(usable time.Time) {
	if g.pace != nil {
		g.tickets <- usable
	}
}

// turn waits for the pace.
func (g *gate) turn(ctx context.Context) error {
	if g.pace == nil {
		return ctx.Err()
	}
	turn := g.pace.Reserve()
	if err := sleep(ctx, turn.Delay()); err != nil {
		turn.Cancel()
		return err
	}
	return nil
}

// sleep returns ctx's error if that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
