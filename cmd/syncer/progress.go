package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
)

// barFrom is how many items a listing must have to be worth a bar.
const barFrom = 200

// A progress shows how far the walks are: a bar for each listing under way on
// a terminal, else the log line of each listing read. It is safe for
// concurrent use.
type progress struct {
	out     *output
	several bool          // tenants at once, so that bars name theirs
	bars    *mpb.Progress // nil: no bars

	mu     sync.Mutex
	open   map[string]*mpb.Bar // by tenant and listing
	waits  map[string]*mpb.Bar // by tenant: the line that stands in place of its bars
	closed bool
}

func newProgress(out *output, several bool) *progress {
	p := &progress{out: out, several: several, open: map[string]*mpb.Bar{}, waits: map[string]*mpb.Bar{}}
	if out.bars {
		p.bars = mpb.New(mpb.WithOutput(out.stderr), mpb.WithWidth(79), mpb.WithAutoRefresh())
	}
	return p
}

// barUpdateFunc returns what receives the progress of a tenant; nil without bars.
func (p *progress) barUpdateFunc(tenant string) func(extract.Progress) {
	if p.bars == nil {
		return nil
	}
	return func(s extract.Progress) { p.updateBar(tenant, s) }
}

// waitingFunc returns what receives the waits of a tenant's client: its
// bars make way for a line that says so, until w is nil.
func (p *progress) waitingFunc(tenant string) func(w *logto.Waiting) {
	return func(w *logto.Waiting) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.bars == nil || p.closed {
			return
		}
		if line := p.waits[tenant]; line != nil {
			line.Abort(true)
			delete(p.waits, tenant)
		}
		if w == nil {
			return
		}
		p.hideBars(tenant)
		text := fmt.Sprintf("%s, since %s", w, w.Since.Format(time.TimeOnly))
		p.waits[tenant] = p.bars.New(0, mpb.NopStyle(), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(p.name(tenant, text))))
	}
}

// hideBars takes the bars of a tenant away; they come back with the next page.
func (p *progress) hideBars(tenant string) {
	for name, bar := range p.open {
		if !p.several || strings.HasPrefix(name, tenant+" ") {
			bar.Abort(true)
			delete(p.open, name)
		}
	}
}

func (p *progress) updateBar(tenant string, s extract.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := p.name(tenant, s.Listing.Name)
	bar := p.open[name]
	if p.closed || bar == nil && s.Total < barFrom {
		return
	}
	if bar == nil {
		bar = p.bars.New(0, mpb.BarStyle().Lbound("").Rbound("").Filler("━").Tip("━").Padding(" "), mpb.BarRemoveOnComplete(),
			mpb.PrependDecorators(decor.Name(name, decor.WCSyncSpaceR), decor.CountersNoUnit("%d / %d", decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s", decor.WCSyncSpace), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)))
		p.open[name] = bar
	}
	bar.SetTotal(int64(max(s.Total, s.Items)), false)
	bar.SetCurrent(int64(s.Items))
}

func (p *progress) name(tenant, listing string) string {
	if p.several {
		return tenant + " " + listing
	}
	return listing
}

// close takes the bars away. What is logged later goes straight to stderr.
// It may be called again.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bars == nil || p.closed {
		return
	}
	p.closed = true
	for _, bar := range p.open {
		bar.Abort(true)
	}
	for _, line := range p.waits {
		line.Abort(true)
	}
	p.bars.Wait()
}

// Write writes log lines above the bars.
func (p *progress) Write(line []byte) (int, error) {
	if p.bars != nil {
		n, err := p.bars.Write(line)
		if !errors.Is(err, mpb.ErrDone) {
			return n, err
		}
	}
	return p.out.stderr.Write(line)
}

// logger returns the log of the run of a tenant. It notices which listings have
// been read, too.
func (p *progress) logger(tenant string) *slog.Logger {
	w := p.out.stderr
	if p.bars != nil {
		w = p
	}
	return slog.New(listingReadLogHandler{p.out.logger(w).Handler(), p, tenant})
}

// A listingReadLine is written as soon as a listing is read, before anything is
// published.
type listingReadLine struct {
	Type     string `json:"type"` // "listing"
	Tenant   string `json:"tenant"`
	Listing  string `json:"listing"`
	Walk     string `json:"walk"`
	Distinct int64  `json:"distinct"`
	Requests int64  `json:"requests"`
	Proof    string `json:"proof"`
}

func (p *progress) showListingRead(l listingReadLine) {
	p.out.printJSON(l)
	if p.bars == nil {
		return
	}
	name := p.name(l.Tenant, l.Listing)
	p.mu.Lock()
	bar := p.open[name]
	delete(p.open, name)
	p.mu.Unlock()
	if bar != nil {
		bar.SetTotal(-1, true)
	}
	fmt.Fprintf(p, "%-34s %9s %-4s  %6s %-8s  %s\n", name, thousands(l.Distinct), noun(l.Distinct, "row"),
		thousands(l.Requests), noun(l.Requests, "request"), l.Proof)
}

// listingReadLogHandler is the handler of a run's log that notices listings being read:
// the log is where the runner says so.
type listingReadLogHandler struct {
	slog.Handler
	show   *progress
	tenant string
}

// Enabled lets through what is listened for, whatever the log's level.
func (l listingReadLogHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || l.Handler.Enabled(context.Background(), level)
}

// Handle listens, and hands on what the log's level lets through.
func (l listingReadLogHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "listing read" {
		line := listingReadLine{Type: "listing", Tenant: l.tenant}
		r.Attrs(func(a slog.Attr) bool {
			switch a.Key {
			case "listing":
				line.Listing = a.Value.String()
			case "walk":
				line.Walk = a.Value.String()
			case "distinct":
				line.Distinct = a.Value.Int64()
			case "requests":
				line.Requests = a.Value.Int64()
			case "proof":
				line.Proof = a.Value.String()
			}
			return true
		})
		l.show.showListingRead(line)
	}
	if !l.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return l.Handler.Handle(ctx, r)
}

// WithAttrs keeps listening.
func (l listingReadLogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return listingReadLogHandler{l.Handler.WithAttrs(attrs), l.show, l.tenant}
}

// WithGroup keeps listening.
func (l listingReadLogHandler) WithGroup(name string) slog.Handler {
	return listingReadLogHandler{l.Handler.WithGroup(name), l.show, l.tenant}
}
