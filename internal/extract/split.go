package extract

import (
	"context"
	"fmt"
	"sync"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// targetRowsPerIDRange is how many rows a range of ids is expected to hold. Random ids
// spread around it like a Poisson distribution: with 80, one range in 60
// overflows a page of 100 and is read again in two, which comes to 1.30 requests
// per 100 rows. Where one more request completes a range that overflows, 85 come
// to 1.25. Fewer rows waste requests on half-empty pages, more on overflows.
func (k *walk) targetRowsPerIDRange() int {
	if k.l.NewestFirst {
		return max(1, k.pageSize()*17/20)
	}
	return max(1, k.pageSize()*4/5)
}

// idRangeCount returns how many ranges so many rows are divided into.
func (k *walk) idRangeCount(rows int) int {
	return (rows + k.targetRowsPerIDRange() - 1) / k.targetRowsPerIDRange()
}

// splitRead is the reading of one list in ranges of ids.
type splitRead struct {
	parent  string
	mu      sync.Mutex
	rows    int
	missing []string // known ids that no range had
}

// readSplit reads a list that can be searched by id in ranges of ids. Every range
// comes as one page, in one statement, that was not cut off: there is no
// offset, no tie and no drift between pages that could lose a row.
func (k *walk) readSplit(ctx context.Context, parent string) (readResult, error) {
	total, sample, f, err := k.beginSplit(ctx, parent)
	if err != nil || f != nil {
		return derefOrZero(f), err
	}
	k.addProgress(0, total)
	s := &splitRead{parent: parent}
	var subranges []idRange
	switch {
	case !looksRandom(sample):
		subranges = everyID.divideBySample(sample, min(16, k.idRangeCount(total)))
	case k.usesLongRanges(total):
		if subranges, err = k.readLongRanges(ctx, s, total); err != nil {
			return readResult{}, err
		}
	default:
		subranges = everyID.divideEvenly(k.idRangeCount(total))
	}
	return k.readIDRanges(ctx, s, subranges)
}

// beginSplit asks for the first page, which may be all. Otherwise it returns the
// total and the ids of the page, by which a range is divided.
func (k *walk) beginSplit(ctx context.Context, parent string) (total int, sample []string, whole *readResult, err error) {
	if m, ok := k.savedCheckpoint(parent, "begin"); ok {
		return m.Total, m.IDs, nil, nil
	}
	if m, ok := k.savedCheckpoint(parent, "proved"); ok {
		k.addProgress(m.Rows, m.Rows)
		return 0, nil, &readResult{walk: catalog.Split, total: m.Total, distinct: m.Rows}, nil
	}
	page, err := k.fetchListPage(ctx, parent, pageQuery(1, k.pageSize()))
	if logto.IsPoison(err) { // one of its rows; ranges will get at the others
		page, err = k.fetchListPage(ctx, parent, pageQuery(pastTheEnd, 1))
	} else if err == nil && k.isWholeList(page) {
		f, err := k.storeOnePage(ctx, parent, "", page, everyID)
		f.walk = catalog.Split
		return 0, nil, &f, err
	}
	if err != nil {
		return 0, nil, nil, err
	}
	sample = idsOf(k.decodeItems(ctx, page))
	total = max(page.Total, len(page.Items), 1)
	if exactTotal(page) < 0 { // ranges will find out as they overflow
		total = max(total, 36*k.targetRowsPerIDRange())
	}
	return total, sample, nil, k.putChunk(ctx, Chunk{Listing: k.l, Parent: parent, Checkpoint: Checkpoint{Name: "begin", Total: total, IDs: sample}}, 0)
}

// pastTheEnd is a page no list has. It comes empty, with the total: the count
// alone, without a row that might break the page.
const pastTheEnd = 100_000_000

// looksRandom reports whether the first characters of the ids look random, as they
// do unless an import made them.
func looksRandom(ids []string) bool {
	first := map[byte]bool{}
	for _, id := range ids {
		first[id[0]] = true
	}
	return len(ids) < 50 || len(first) > 15
}

func derefOrZero(f *readResult) readResult {
	if f == nil {
		return readResult{}
	}
	return *f
}

// readIDRanges reads the ranges in parallel, and what they have to be divided into.
func (k *walk) readIDRanges(ctx context.Context, s *splitRead, subranges []idRange) (readResult, error) {
	p := k.newTaskGroup(ctx, s.parent)
	for _, subrange := range subranges {
		p.Go(func(ctx context.Context) error { return k.readIDRange(withFindingsCollector(ctx), s, subrange) })
	}
	if err := p.Wait(); err != nil {
		return readResult{}, err
	}
	deleted, err := k.confirmDeleted(ctx, s.parent, s.missing, nil)
	if err != nil {
		return readResult{}, err
	}
	if len(deleted) > 0 {
		err = k.putChunk(ctx, Chunk{Listing: k.l, Parent: s.parent, Deleted: deleted}, 0)
	}
	return readResult{walk: catalog.Split, total: s.rows, distinct: s.rows}, err
}

// readIDRange reads one range: as one page if it fits, in smaller ranges if not.
func (k *walk) readIDRange(ctx context.Context, s *splitRead, r idRange) error {
	done, divided, err := k.resumeIDRange(s, r)
	if done || err != nil {
		return err
	}
	if len(divided) > 0 {
		return k.readIDRangesSequentially(ctx, s, divided)
	}
	if k.hasPagesOfEarlierAttempt(s.parent, r) {
		return k.readRangeByPages(ctx, s, r)
	}
	for range maxRepeats {
		page, err := k.fetchListPage(ctx, s.parent, pageQuery(1, k.pageSize()), r.query())
		if logto.IsPoison(err) {
			return k.readAround500(ctx, s, r)
		}
		if err != nil {
			return err
		}
		items := distinctItems(k.decodeItems(ctx, page))
		if err := r.checkSearched(items); err != nil {
			return err
		}
		if len(page.Items) >= k.pageSize() || page.Total >= k.pageSize() {
			all, err := k.completeWithSecondPage(ctx, s.parent, r, page, items)
			if err != nil {
				return err
			}
			if all != nil {
				return k.storeIDRange(ctx, s, r, all)
			}
			return k.readOverfullIDRange(ctx, s, r, max(page.Total, len(items)), items)
		}
		if page.Total < 0 || page.Total == len(items) {
			return k.storeIDRange(ctx, s, r, items)
		}
	}
	k.downgrade(ctx, NotProved, "the rows of a range and its Total-Number do not agree, however often asked")
	return k.giveUpIDRange(ctx, s, r)
}

// checkSearched fails if one of the items is not in the range that was asked for.
func (r idRange) checkSearched(items []Item) error {
	for _, item := range items {
		if !r.contains(item.ID) {
			return fmt.Errorf("the server does not search by id: asked for %s, it sent others; is something between that drops query parameters?", r.regexp())
		}
	}
	return nil
}

// giveUpIDRange ends a range of which nothing can be stored.
func (k *walk) giveUpIDRange(ctx context.Context, s *splitRead, r idRange) error {
	return k.putChunk(ctx, Chunk{Listing: k.l, Parent: s.parent, Checkpoint: Checkpoint{Name: r.name()}}, 0)
}

// storeIDRange stores a range that came as one page.
func (k *walk) storeIDRange(ctx context.Context, s *splitRead, r idRange, items []Item) error {
	known, err := k.knownIn(ctx, s.parent, r)
	if err != nil {
		return err
	}
	deleted := knownMissingFrom(known, items)
	s.addRange(len(items), deleted)
	chunk := Chunk{
		Listing: k.l, Parent: s.parent, Items: items, Known: knownHashes(known),
		Checkpoint: Checkpoint{Name: r.name(), Total: len(items), Rows: len(items), IDs: deleted},
	}
	return k.putChunk(ctx, chunk, len(items))
}

// knownIn returns what the mirror has in a range.
func (k *walk) knownIn(ctx context.Context, parent string, r idRange) ([]Known, error) {
	if k.l.DeletionCheck == catalog.NeverDeleted {
		return nil, nil
	}
	from, to := r.bounds()
	known, err := k.Mirror.KnownInRange(ctx, k.l, parent, from, to, 0)
	if err != nil {
		return nil, err
	}
	in := known[:0]
	for _, item := range known {
		if r.contains(item.ID) {
			in = append(in, item)
		}
	}
	return in, nil
}

// addRange counts a range that is done, and remembers the known ids it has not.
func (s *splitRead) addRange(rows int, deleted []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows += rows
	s.missing = append(s.missing, deleted...)
}
