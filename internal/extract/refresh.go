package extract

import (
	"context"
	"math"
	"slices"
	"sync"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

const (
	// countPages is how many pages of known ids are asked for at once where only
	// their number is in question, as far as they fit in a URL.
	countPages = 3
	// knownPerQuery is how many known ids are read from the mirror at once.
	knownPerQuery = 5000
	// manyKnown is from how many pages of known ids on Total-Number is asked for
	// by range as well: then a range that does not add up is split, and not all.
	manyKnown = 20
	// manyNew ends the search for new items from the newest on when so many
	// pages were found: splitting finds them for less.
	manyNew = 50
)

// refreshRead is the reading of one list by the ids the mirror knows.
//
// Its proof: Total-Number was asked for first, of the list or of each of some
// ranges of ids, and then every id that is counted was seen alive. Ids are not
// made twice, so each of them was alive when the server counted; if they are
// as many as the server counted, nobody else was there. An id that died in
// between makes the sum wrong, and then the range is split. Below a parent, where
// an id can leave and come back, the server counts again in the end; see recount.
type refreshRead struct {
	parent string
	ranges []idRange // what is summed up: all of the list, or subranges of it

	mu       sync.Mutex
	totals   []int        // of each range, before its ids were asked for
	alive    []int        // of each range
	doubtful map[int]bool // ranges whose number has changed since
}

// readRefresh reads a list that can be searched by id by the ids it had last time.
func (k *walk) readRefresh(ctx context.Context, parent string, known int) (readResult, error) {
	k.addProgress(0, known)
	r := &refreshRead{parent: parent, ranges: []idRange{everyID}}
	fresh, total, err := k.findNewIDs(ctx, parent)
	if err != nil {
		return readResult{}, err
	}
	r.totals = []int{total}
	if known >= manyKnown*k.pageSize() {
		// So many that counting them, and splitting one of them, cost the least
		// together.
		r.ranges = everyID.divideEvenly(int(math.Sqrt(float64(k.idRangeCount(known)))))
		if r.totals, err = k.fetchRangeTotals(ctx, parent, r.ranges); err != nil {
			return readResult{}, err
		}
	}
	r.alive = make([]int, len(r.ranges))
	if err := k.refreshKnown(ctx, r, fresh); err != nil {
		return readResult{}, err
	}
	if parent != "" {
		if err := k.recount(ctx, r, fresh); err != nil {
			return readResult{}, err
		}
	}
	return k.readMismatchedRanges(ctx, r)
}

// findNewIDs reads pages, newest first, until one has nothing new. It returns the
// ids the mirror does not know, and the Total-Number of the last page: all the
// ids returned had been seen by then.
func (k *walk) findNewIDs(ctx context.Context, parent string) (fresh []string, total int, err error) {
	if m, ok := k.savedCheckpoint(parent, "newest"); ok {
		return m.IDs, m.Total, nil
	}
	fresh, last, more, err := k.readNewestPages(ctx, parent, func([]Item) error { return nil })
	if logto.IsPoison(err) { // the ranges that do not add up are read around the row
		fresh, more, err = nil, true, nil
	}
	if err != nil {
		return nil, 0, err
	}
	total = exactTotal(last)
	if more { // they were made before or after this page counted: ask again
		total = -1
	}
	if total < 0 {
		if total, err = k.fetchRangeTotal(ctx, parent, everyID); err != nil {
			return nil, 0, err
		}
	}
	checkpoint := Checkpoint{Name: "newest", Total: total, IDs: fresh}
	return fresh, total, k.putChunk(ctx, Chunk{Listing: k.l, Parent: parent, Checkpoint: checkpoint}, 0)
}

// readNewestPages reads pages, newest first, until one has nothing new, is not
// full, or too many are new, and calls each with the items of every page. It
// returns the ids the mirror does not know and the last page; more says that
// something on that was new.
func (k *walk) readNewestPages(ctx context.Context, parent string, each func([]Item) error) (fresh []string, last logto.Page, more bool, err error) {
	seen := map[string]bool{}
	for n := 1; ; n++ {
		page, err := k.fetchListPage(ctx, parent, pageQuery(n, k.pageSize()))
		if err != nil {
			return nil, page, false, err
		}
		items := distinctItems(k.decodeItems(ctx, page))
		unknown, err := k.idsNotMirrored(ctx, parent, items)
		if err != nil {
			return nil, page, false, err
		}
		if err := each(items); err != nil {
			return nil, page, false, err
		}
		found := false
		for _, id := range unknown {
			found = found || !seen[id]
			if !seen[id] {
				seen[id], fresh = true, append(fresh, id)
			}
		}
		if !found || len(page.Items) < k.pageSize() || len(fresh) >= manyNew*k.pageSize() {
			return fresh, page, found, nil
		}
	}
}

// idsNotMirrored returns the ids of the items that the mirror does not have.
func (k *walk) idsNotMirrored(ctx context.Context, parent string, items []Item) ([]string, error) {
	ids := idsOf(items)
	known, err := k.Mirror.KnownByID(ctx, k.l, parent, ids)
	if err != nil {
		return nil, err
	}
	there := knownHashes(known)
	return slices.DeleteFunc(ids, func(id string) bool {
		_, ok := there[id]
		return ok
	}), nil
}

// nextID is the next id by bytes: no text in Postgres holds a NUL.
func nextID(id string) string { return id + "\x01" }

// fetchRangeTotals asks for the Total-Number of every range.
func (k *walk) fetchRangeTotals(ctx context.Context, parent string, ranges []idRange) ([]int, error) {
	totals := make([]int, len(ranges))
	p := k.newTaskGroup(ctx, parent)
	for i, r := range ranges {
		p.Go(func(ctx context.Context) (err error) {
			ctx = withFindingsCollector(ctx)
			name := "total " + r.name()
			if m, ok := k.savedCheckpoint(parent, name); ok {
				totals[i] = m.Total
				return nil
			}
			if totals[i], err = k.fetchRangeTotal(ctx, parent, r); err != nil {
				return err
			}
			return k.putChunk(ctx, Chunk{Listing: k.l, Parent: parent, Checkpoint: Checkpoint{Name: name, Total: totals[i]}}, 0)
		})
	}
	return totals, p.Wait()
}

// fetchRangeTotal asks for the Total-Number of a range alone: a page past its end has
// no rows. It returns -1 where the server sends none.
func (k *walk) fetchRangeTotal(ctx context.Context, parent string, r idRange) (int, error) {
	page, err := k.fetchListPage(ctx, parent, pageQuery(pastTheEnd, 1), r.query())
	return exactTotal(page), err
}

// readMismatchedRanges compares what was seen alive with what the server had counted before,
// and splits the ranges in which they differ.
func (k *walk) readMismatchedRanges(ctx context.Context, r *refreshRead) (readResult, error) {
	f := readResult{walk: catalog.Refresh}
	var open []idRange
	for i, in := range r.ranges {
		if r.totals[i] == r.alive[i] && !r.doubtful[i] {
			f.total += r.totals[i]
			f.distinct += r.alive[i]
			continue
		}
		open = append(open, in)
	}
	if len(open) == 0 {
		return f, nil
	}
	k.addNote(ctx, "ranges of ids that did not add up and were read in full", len(open))
	var subranges []idRange
	for i, in := range r.ranges {
		if slices.Contains(open, in) {
			expected := max(r.totals[i], r.alive[i])
			subranges = append(subranges, in.divideOrKeep(k.idRangeCount(expected))...)
		}
	}
	rest, err := k.readIDRanges(ctx, &splitRead{parent: r.parent}, subranges)
	f.total += rest.total
	f.distinct += rest.distinct
	return f, err
}

// divideOrKeep divides a range in n, or leaves it as it is.
func (r idRange) divideOrKeep(n int) []idRange {
	if n < 2 || r.irregular > 0 {
		return []idRange{r}
	}
	return r.divideEvenly(n)
}
