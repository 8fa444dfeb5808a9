package extract

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// A newestFirstRead reads an append-only list, newest first, from its top to the
// beginning of a window, where the server does not narrow the list to that, or
// where reading all its pages at once has left rows out.
//
// A page is one statement: everything the list had between its newest and its
// oldest moment is on it. So pages that overlap by a moment leave nothing out,
// whatever order the server gives to rows of the same moment, and however many
// new rows have shifted the pages meanwhile: they only make them overlap more.
type newestFirstRead struct {
	p *pagedRead
	w window

	covered int64 // everything newer is read, as far as it is in the window
	rank    int   // where the next page is to begin, at the latest
	end     int   // rank up to which pages were read
	total   int   // Total-Number when rank was found; -1: none
	retries int   // pages in a row that brought nothing
	page    int   // pages stored so far
}

// readNewestFirst reads until what is proved already, and proves the rest.
func (k *walk) readNewestFirst(ctx context.Context, p *pagedRead, w window) (readResult, error) {
	r := &newestFirstRead{p: p, w: w, covered: noMoment, total: -1}
	r.resume()
	for done := r.rank < 0; !done; {
		var err error
		if done, err = r.readNextPage(ctx); err != nil {
			return readResult{}, err
		}
	}
	if p.unreadable > 0 {
		k.downgrade(ctx, NotProved, p.unprovedReason(-1))
	}
	found := readResult{walk: catalog.Window, total: -1, distinct: len(p.before)}
	if k.isDowngraded() {
		return found, nil
	}
	return k.putWindowProved(ctx, w, found)
}

// resume goes on where an earlier attempt of the run has ended. New rows have
// come since; the next page tells how many.
func (r *newestFirstRead) resume() {
	for {
		m, ok := r.p.k.savedCheckpoint("", r.checkpointName())
		if !ok || len(m.IDs) < 2 {
			return
		}
		r.covered, r.rank, r.total = parseMillis(m.IDs[0]), int(parseMillis(m.IDs[1])), m.Total
		r.end = r.rank
		r.p.addIDs(r.p.before, m.IDs[2:])
		r.p.addUnreadable(m.Unreadable)
		r.p.k.addProgress(m.Rows, m.Rows)
		r.page++
	}
}

func (r *newestFirstRead) checkpointName() string { return fmt.Sprintf("newest first %d", r.page) }

// A pageTimeSpan is what a page has to say of the rows around it.
type pageTimeSpan struct {
	newest, oldest int64
	ties           int // rows that share the oldest moment
}

func pageTimeSpanOf(page logto.Page) pageTimeSpan {
	s := pageTimeSpan{newest: math.MinInt64, oldest: math.MaxInt64}
	for _, item := range page.Items {
		at, ok := createdAt(item)
		switch {
		case !ok:
			continue
		case at < s.oldest:
			s.oldest, s.ties = at, 1
		case at == s.oldest:
			s.ties++
		}
		s.newest = max(s.newest, at)
	}
	return s
}

// readNextPage reads one page. done is that the window, or the list, has ended.
func (r *newestFirstRead) readNextPage(ctx context.Context) (done bool, err error) {
	n, size := pageStartingAtOrBefore(r.rank, r.p.k.newestFirstPageSize())
	offset := (n - 1) * size
	page, unreadable, err := r.p.fetchPage(ctx, 0, view{size: size}, n)
	if err != nil {
		return false, err
	}
	r.p.addUnreadable(unreadable)
	rows, total := len(page.Items)+unreadable, exactTotal(page)
	s, end, last := pageTimeSpanOf(page), offset+rows, rows < size
	switch {
	case last && total >= 0 && end != total:
		return r.retryOrGiveUp(ctx, page, unreadable, end, r.rank, fmt.Sprintf("the server counts %d entries and sends fewer", total))
	case offset > 0 && s.newest <= r.covered && r.covered != noMoment:
		return r.retryOrGiveUp(ctx, page, unreadable, end, max(0, offset-size/2), "two pages in a row do not overlap")
	case !last && s.oldest >= r.covered && r.total >= 0 && total > r.total: // new rows have shifted the old ones
		r.rank, r.total = r.rank+total-r.total, total
		return false, nil
	case !last && (s.oldest >= r.covered || s.ties == rows):
		return r.retryOrGiveUp(ctx, page, unreadable, end, r.rank, "entries of one millisecond fill a page")
	}
	done = last || s.oldest < r.w.from
	r.retries, r.total, r.covered, r.end = 0, total, s.oldest, max(r.end, end)
	r.rank = max(0, end-s.ties-1)
	return done, r.store(ctx, page, unreadable, done)
}

// newestFirstPageSize is how many rows a page has at most. Among sizes up to a small
// one there is none whose multiples come near to a rank.
func (k *walk) newestFirstPageSize() int { return max(k.pageSize(), 20) }

// noMoment is newer than every row: nothing is covered, or nobody knows what.
const noMoment = math.MaxInt64

// retryOrGiveUp asks for a page once more that does not fit the others, from a rank on.
// After a few times it gives up the proof and goes on behind what was read; where
// that is no further than before, it is done.
func (r *newestFirstRead) retryOrGiveUp(ctx context.Context, page logto.Page, unreadable, end, rank int, reason string) (done bool, err error) {
	if r.retries++; r.retries <= maxRepeats {
		r.rank = rank
		return false, nil
	}
	r.p.k.downgrade(ctx, NotProved, reason)
	done = end <= r.end
	r.retries, r.total, r.covered, r.end = 0, exactTotal(page), noMoment, max(r.end, end)
	r.rank = r.end
	return done, r.store(ctx, page, unreadable, done)
}

// store stores a page without its unreadable rows, with how far the list is covered
// by it.
func (r *newestFirstRead) store(ctx context.Context, page logto.Page, unreadable int, done bool) error {
	items := distinctItems(r.p.k.decodeItems(ctx, page))
	rank := r.rank
	if done {
		rank = -1
	}
	m := Checkpoint{Name: r.checkpointName(), Total: r.total, Unreadable: unreadable, IDs: []string{strconv.FormatInt(r.covered, 10), strconv.Itoa(rank)}}
	for _, item := range items {
		if _, seen := r.p.before[item.ID]; !seen {
			m.Rows++
		}
		m.IDs = append(m.IDs, item.ID)
	}
	r.p.addIDs(r.p.before, m.IDs[2:])
	r.page++
	r.p.k.addProgress(0, m.Rows)
	return r.p.k.putChunk(ctx, Chunk{Listing: r.p.k.l, Items: items, Checkpoint: m}, m.Rows)
}

// pageStartingAtOrBefore returns the page, of at most a size, that begins at a rank or before
// and ends as far behind it as possible: pages begin at multiples of their size.
func pageStartingAtOrBefore(rank, most int) (page, size int) {
	if rank <= 0 {
		return 1, most
	}
	fewest := (rank + most - 1) / most // pages before it
	page, size, end := 1, most, most
	for before := fewest; before <= 2*fewest && before <= rank; before++ {
		if s := min(most, rank/before); (before+1)*s > end {
			page, size, end = before+1, s, (before+1)*s
		}
	}
	return page, size
}
