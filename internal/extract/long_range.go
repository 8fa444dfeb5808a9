package extract

import (
	"context"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/logto"
)

const (
	// longRangePages is how many pages of rows a long range is expected to hold. One
	// request more counts it, and the last page is half empty: with 20 pages that
	// comes to 1.08 requests per 100 rows. Its rows are kept until it is proved.
	longRangePages = 20
	// longRangePagesInTests takes its place where pages are small, as in tests, whose
	// lists are short.
	longRangePagesInTests = 6
	// longRangesAtOnce and pagesAtOnce bound the pages that are on their way at once.
	longRangesAtOnce = 3
	pagesAtOnce      = 16
	// maxTies is how many rows of a page may have been created in the same millisecond
	// as the one before. The server may hide one of them at the edge of a page: with
	// more, so many ranges would have to be read again that none is tried.
	maxTies = 3
)

// longRangeRead is the reading of a range of ids in several pages.
//
// The server counts the range before the first of its pages is requested. Every id
// on the pages was there when it counted, for it was created so long before that by
// the server's clock. If there are as many of them as were counted, nobody else was
// there. For this it does not matter in which order the rows come, how many of them a
// page loses or shows twice, or who is deleted meanwhile: what the pages have not
// shown is missing from the number, too, and the range is read again, one page a
// range.
//
// Nothing of it is stored before it is proved: a resumed walk begins it again.
type longRangeRead struct {
	k      *walk
	parent string
	in     idRange
	total  int   // as the server counted; -1: it did not
	oldest int64 // rows created then or later may have come after the count, in milliseconds

	mu      sync.Mutex
	items   []Item
	spoiled bool // it cannot be proved any more
}

// divide divides the range into ranges of one page. Where nearly all of its ids were
// seen, they say where to cut. A part of them would not: chance has more to say in it
// than in all.
func (r *longRangeRead) divide() []idRange {
	n := r.k.idRangeCount(max(r.total, 1))
	if len(r.items) < r.total*9/10 {
		return r.in.divideEvenly(n)
	}
	return r.in.divideBySample(idsOf(r.items), n)
}

// read counts the range, reads its pages, and reports whether they are all that the
// range has. The first page comes before the others: it has the newest rows.
func (r *longRangeRead) read(ctx context.Context) (proved bool, err error) {
	if err := r.count(ctx); err != nil || r.spoiled {
		return false, err
	}
	if r.total > 2*r.k.targetRowsPerLongRange() { // its ids are not as random as they looked
		return false, nil
	}
	if err := r.readPage(ctx, 1); err != nil || r.spoiled {
		return false, err
	}
	g := taskGroup{newPool(ctx, pagesAtOnce), r.k}
	for page := 2; page <= (r.total+r.k.pageSize()-1)/r.k.pageSize(); page++ {
		g.Go(func(ctx context.Context) error { return r.readPage(ctx, page) })
	}
	err = g.Wait()
	r.items = distinctItems(r.items)
	return !r.spoiled && len(r.items) == r.total, err
}

// count has the server count the range. The count is an answer of its own: rows
// and Total-Number of one answer are two statements, and a row may be deleted between
// them.
func (r *longRangeRead) count(ctx context.Context) error {
	page, err := r.k.fetchListPage(ctx, r.parent, pageQuery(pastTheEnd, 1), r.in.query())
	r.total = exactTotal(page)
	r.spoiled = r.total < 0 || page.Date.IsZero()
	r.oldest = page.Date.Add(-windowOverlap).UnixMilli()
	return err
}

// readPage reads one page of the range. A range that has been begun is read to its
// end even if the walk is to stop: nothing of it would be kept.
func (r *longRangeRead) readPage(ctx context.Context, n int) error {
	page, err := r.k.sendListing(ctx, r.k.API, r.parent, r.k.query(pageQuery(n, r.k.pageSize()), r.in.query()))
	if logto.IsPoison(err) {
		r.spoil()
		return nil
	}
	if err != nil {
		return err
	}
	items := r.k.itemsWithID(page)
	if len(items) < len(page.Items) || !r.rowsAreOlderThanCount(page) {
		r.spoil()
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items = append(r.items, items...)
	return r.in.checkSearched(items)
}

// rowsAreOlderThanCount reports whether all rows of a page were there when the range was
// counted, and few of them share a moment. A page that says that the range has become
// longer does not, whatever its rows say.
func (r *longRangeRead) rowsAreOlderThanCount(page logto.Page) bool {
	if total := exactTotal(page); total < 0 || total > r.total {
		return false
	}
	times := creationTimes(page.Items)
	for _, at := range times {
		if at == unknownTime || at >= r.oldest {
			return false
		}
	}
	return countTies(times) <= maxTies
}

// unknownTime stands for a createdAt that is no number.
const unknownTime = -1

func creationTimes(rows []jsontext.Value) []int64 {
	times := make([]int64, len(rows))
	for i, row := range rows {
		at, ok := createdAt(row)
		if !ok {
			at = unknownTime
		}
		times[i] = at
	}
	return times
}

// countTies returns how many rows were created in the same moment as the one before.
func countTies(times []int64) (n int) {
	for i, at := range times {
		if i > 0 && at == times[i-1] {
			n++
		}
	}
	return n
}

func (r *longRangeRead) spoil() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spoiled = true
}
