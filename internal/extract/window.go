package extract

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/rawjson"
)

const (
	// windowOverlap is how far a window reaches back behind what is proved: rows
	// are written when what they tell of has ended, not in its order.
	windowOverlap = 5 * time.Minute
	// windowSettle is how long before now a window ends. By then its rows are
	// committed, and it does not change any more.
	windowSettle = time.Minute
)

// A window is the part of an append-only list, newest first, that is to be
// proved: what was created from one moment to another, in milliseconds.
type window struct{ from, to int64 }

// How a window that is longer than a page is read; see the checkpoint "window".
const (
	byBounds    = "by bounds"    // the server narrows the list to the window
	newestFirst = "newest first" // it does not: from the top to the window's end
)

// readWindow reads an append-only list from a little before the moment up to
// which it is proved. All moments are by the server's clock. What the list has
// within a minute of now is read too, but not proved.
func (k *walk) readWindow(ctx context.Context) (readResult, error) {
	if m, ok := k.savedCheckpoint("", "proved"); ok && len(m.IDs) == 1 {
		return k.markWindowProved(parseMillis(m.IDs[0]), readResult{total: m.Total, distinct: m.Rows}), nil
	}
	p := k.newPagedRead("", everyID)
	if m, ok := k.savedCheckpoint("", "window"); ok && len(m.IDs) == 3 {
		return k.readWindowByMode(ctx, p, window{parseMillis(m.IDs[0]), parseMillis(m.IDs[1])}, m.IDs[2])
	}
	var until time.Time
	if !k.Afresh {
		var err error
		if until, err = k.Mirror.ProvedUntil(ctx, k.l); err != nil {
			return readResult{}, err
		}
	}
	page, w, err := k.fetchFirstWindowPage(ctx, p, until)
	if err != nil {
		return readResult{}, err
	}
	if p.unreadable == 0 && len(page.Items) < k.pageSize() && (page.Total == len(page.Items) || page.Total < 0) {
		return k.storeShortWindow(ctx, page, w)
	}
	mode, err := k.detectWindowMode(ctx, page, w)
	if err != nil {
		return readResult{}, err
	}
	chunk := Chunk{Listing: k.l, Checkpoint: Checkpoint{Name: "window", IDs: append(formatMillis(w.from, w.to), mode)}}
	switch {
	case mode == byBounds: // what is newer than the window is on this page alone
		chunk.Items = distinctItems(k.decodeItems(ctx, page))
	case p.unreadable == 0 && k.pageSize() == k.newestFirstPageSize():
		p.first = &page
	}
	if mode == newestFirst {
		k.addNote(ctx, "the server ignores start_time: entries were read newest first", 1)
	}
	if err := k.putChunk(ctx, chunk, 0); err != nil {
		return readResult{}, err
	}
	return k.readWindowByMode(ctx, p, w, mode)
}

// storeShortWindow stores a window that came on a page that is not full: one
// statement of the server, which is the window or the whole list.
func (k *walk) storeShortWindow(ctx context.Context, page logto.Page, w window) (readResult, error) {
	items := distinctItems(k.decodeItems(ctx, page))
	k.addProgress(0, len(items))
	if len(items) == 0 {
		w.to = 0 // no row says what time it is
	}
	if page.Total < 0 && len(page.Items) == defaultPage {
		if err := k.checkPageSize(ctx); err != nil {
			return readResult{}, err
		}
	}
	chunk := Chunk{Listing: k.l, Items: items, Checkpoint: Checkpoint{Name: "proved", Total: page.Total, Rows: len(items), IDs: formatMillis(w.to)}}
	return k.markWindowProved(w.to, readResult{total: page.Total, distinct: len(items)}), k.putChunk(ctx, chunk, len(items))
}

func (k *walk) readWindowByMode(ctx context.Context, p *pagedRead, w window, mode string) (readResult, error) {
	if mode == newestFirst {
		k.bounds = nil
		return k.readNewestFirst(ctx, p, w)
	}
	return k.readWindowByBounds(ctx, p, w)
}

// markWindowProved ends a window of which everything is read.
func (k *walk) markWindowProved(to int64, found readResult) readResult {
	k.mu.Lock()
	defer k.mu.Unlock()
	if to > 0 { // there are rows
		k.proof.ProvedUntil = time.UnixMilli(to)
	}
	found.walk = catalog.Window
	return found
}

// fetchFirstWindowPage asks for the newest rows since a little before until. Its answer
// tells what time it is at the server, which is where the window ends.
func (k *walk) fetchFirstWindowPage(ctx context.Context, p *pagedRead, until time.Time) (logto.Page, window, error) {
	for repeats := 0; ; {
		var w window
		k.bounds = nil
		if !until.IsZero() {
			w.from = until.Add(-windowOverlap).UnixMilli()
			k.bounds = url.Values{"start_time": formatMillis(w.from)}
		}
		page, unreadable, err := p.fetchPage(ctx, 0, view{size: k.pageSize()}, 1)
		if err != nil {
			return logto.Page{}, w, err
		}
		if repeats++; unreadable == 0 && len(page.Items) < k.pageSize() && len(page.Items) < page.Total && repeats < maxRepeats {
			continue // rows and count do not agree
		}
		p.addUnreadable(unreadable)
		now := page.Date
		if now.IsZero() { // something on the way drops it
			now = time.Now()
		}
		end := now.Add(-windowSettle)
		if end.Before(until) { // the server's clock was set back: what it wrote since lies before the window
			until = end
			continue
		}
		w.to = end.UnixMilli()
		if newest := pageTimeSpanOf(page).newest; len(page.Items) > 0 && newest < w.to {
			w.to = newest // whatever the clocks on the way say
		}
		return page, w, nil
	}
}

// checkPageSize finds out whether a default page without Total-Number is what a
// proxy has made of the list that drops query and headers: a page of one entry
// tells.
func (k *walk) checkPageSize(ctx context.Context) error {
	page, err := k.fetchListPage(ctx, "", pageQuery(1, 1))
	if err == nil && len(page.Items) > 1 {
		k.downgrade(ctx, NotProved, "the server sends no Total-Number, and more entries than a page was to have: is something between that drops the query?")
	}
	return err
}

// detectWindowMode finds out whether the server narrows the list to a window. One that
// does not (Logto before 1.40) shows rows from before it, and answers with the
// whole list to a window that is empty for certain.
func (k *walk) detectWindowMode(ctx context.Context, page logto.Page, w window) (string, error) {
	for _, item := range page.Items {
		if at, ok := createdAt(item); ok && at < w.from {
			return newestFirst, nil
		}
	}
	k.bounds = url.Values{"start_time": {"1"}, "end_time": {"2"}}
	empty, err := k.fetchListPage(ctx, "", pageQuery(1, 1))
	if err != nil {
		return "", err
	}
	if empty.Total > 0 || len(empty.Items) > 0 {
		return newestFirst, nil
	}
	return byBounds, nil
}

// readWindowByBounds reads a window that the server narrows the list to, all pages at
// once. It has ended, so that nothing comes into it any more: if as many rows are
// seen as the server had counted before, nobody else is there. If not, rows of one
// moment have hidden each other at the edge of a page: pages that overlap find them.
func (k *walk) readWindowByBounds(ctx context.Context, p *pagedRead, w window) (readResult, error) {
	k.bounds = url.Values{"end_time": formatMillis(w.to)}
	if w.from > 0 {
		k.bounds.Set("start_time", formatMillis(w.from)[0])
	}
	total, err := p.fetchTotal(ctx, 0)
	if err != nil {
		return readResult{}, err
	}
	if err := p.readAllPages(ctx, view{size: k.pageSize()}, p.before); err != nil {
		return readResult{}, err
	}
	if p.unreadable == 0 && len(p.before) == total {
		return k.putWindowProved(ctx, w, readResult{total: total, distinct: total})
	}
	return k.readNewestFirst(ctx, p, w)
}

func (k *walk) putWindowProved(ctx context.Context, w window, found readResult) (readResult, error) {
	chunk := Chunk{Listing: k.l, Checkpoint: Checkpoint{Name: "proved", Total: found.total, Rows: found.distinct, IDs: formatMillis(w.to)}}
	return k.markWindowProved(w.to, found), k.putChunk(ctx, chunk, 0)
}

// isDowngraded reports whether the listing cannot be proved any more.
func (k *walk) isDowngraded() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return outcomeRank[k.proof.Outcome] > outcomeRank[Complete]
}

// createdAt returns when a row was created, in milliseconds.
func createdAt(item jsontext.Value) (at int64, ok bool) {
	err := rawjson.Members(item, func(name []byte, value jsontext.Value) error {
		if string(name) == "createdAt" {
			n, err := strconv.ParseInt(string(value), 10, 64)
			at, ok = n, err == nil
		}
		return nil
	})
	return at, ok && err == nil
}

func formatMillis(moments ...int64) []string {
	texts := make([]string, len(moments))
	for i, ms := range moments {
		texts[i] = strconv.FormatInt(ms, 10)
	}
	return texts
}

func parseMillis(text string) int64 {
	ms, _ := strconv.ParseInt(text, 10, 64) // written by millis
	return ms
}
