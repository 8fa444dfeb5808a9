package extract

import (
	"context"
	"fmt"
	"sync"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// pagedRead is the reading of a list page by page.
//
// The server's order may be none at all, and it changes under the walk, so
// one reading proves nothing unless it was one page. The proof of longer lists
// is this: Total-Number was asked for between readings, and as many ids were
// seen both before and after. Each of them was there when the server counted,
// and if they are as many as the server counted, nobody else was. For this it
// does not matter how many rows a reading lost or saw twice, or what was made
// or deleted meanwhile, as long as it settles in the end.
//
// Below a parent, an id can leave and come back: seen both before and after,
// but away when the server counted, it would stand in for somebody no reading
// has shown. Whoever comes back makes the list longer, and newcomers do, who
// were not seen before. So the Total-Number of no page after the count may be
// greater than the count and these newcomers.
type pagedRead struct {
	k          *walk
	parent     string
	name       string      // leads the names of its checkpoints
	in         idRange     // narrows the list; everyID takes all
	first      *logto.Page // the first page, until a reading has taken it
	before     idSet       // seen before the count
	after      idSet       // seen after it
	unreadable int         // rows no page with which could be read
	longest    int         // greatest Total-Number of the pages read for after

	readings int // so far

	mu sync.Mutex
}

type idSet map[string]struct{}

func (k *walk) newPagedRead(parent string, in idRange) *pagedRead {
	p := &pagedRead{k: k, parent: parent, in: in, before: idSet{}, after: idSet{}}
	if in != everyID {
		p.name = in.name() + " "
	}
	return p
}

// hasPagesOfEarlierAttempt reports whether an earlier attempt has read the first page.
func (k *walk) hasPagesOfEarlierAttempt(parent string, in idRange) bool {
	p := k.newPagedRead(parent, in)
	for _, name := range []string{p.checkpointName(0, view{size: k.pageSize()}, 1), p.name + "proved"} {
		if _, ok := k.savedCheckpoint(parent, name); ok {
			return true
		}
	}
	return false
}

// readPages reads a paged list that cannot be searched by id, or a range of ids
// that cannot be divided.
func (k *walk) readPages(ctx context.Context, parent string, in idRange) (readResult, error) {
	p := k.newPagedRead(parent, in)
	for _, end := range []string{"proved", "unproved"} {
		if m, ok := k.savedCheckpoint(parent, p.name+end); ok {
			k.addProgress(m.Rows, m.Rows)
			return readResult{walk: catalog.Pages, total: m.Total, distinct: m.Rows}, nil
		}
	}
	if !k.hasPagesOfEarlierAttempt(parent, in) {
		page, err := k.fetchListPage(ctx, parent, pageQuery(1, k.pageSize()), in.query())
		switch {
		case logto.IsPoison(err):
		case err != nil:
			return readResult{}, err
		case k.isWholeList(page):
			return k.storeOnePage(ctx, parent, p.name, page, in)
		default:
			p.first = &page
		}
	}
	return p.readToProof(ctx)
}

// defaultPage is how many rows the server sends of a paged list where a request
// does not say how many.
const defaultPage = 20

// isWholeList reports whether the first page is all of the list: one that is not
// full, with a Total-Number that agrees. Without one, a default page may be what
// a proxy has made of it that drops query and headers; and more rows than were
// asked for are what comes from a server that does not page the list.
func (k *walk) isWholeList(first logto.Page) bool {
	n := len(first.Items)
	if first.Total < 0 {
		return n < k.pageSize() && n != defaultPage || n > max(k.pageSize(), defaultPage)
	}
	return n < k.pageSize() && n == first.Total
}

// storeOnePage stores a list that came on its first page, which proves itself: it
// was one statement, and not cut off.
func (k *walk) storeOnePage(ctx context.Context, parent, name string, first logto.Page, in idRange) (readResult, error) {
	items := distinctItems(k.decodeItems(ctx, first))
	n, err := k.storeCompleteList(ctx, parent, name+"proved", first.Total, in, items, func(ctx context.Context) ([]Item, error) {
		again, err := k.fetchListPage(ctx, parent, pageQuery(1, k.pageSize()), in.query())
		return k.decodeItems(ctx, again), err
	})
	return readResult{walk: catalog.Pages, total: first.Total, distinct: n}, err
}

// readToProof reads the list until it is proved, or has been read too often. The
// second reading is the first one's proof. Where they do not add up, because
// the list has changed or the server loses the same rows every time, it is
// read in other ways as well, before the next count and behind it.
func (p *pagedRead) readToProof(ctx context.Context) (readResult, error) {
	if err := p.readAllPages(ctx, view{size: p.k.pageSize()}, p.before); err != nil {
		return readResult{}, err
	}
	total := -1
	for round := 0; round < maxRounds && p.unreadable == 0; round++ { // with an unreadable page no reading has all
		var settled bool
		var err error
		if total, settled, err = p.tryProofRound(ctx, round, total); err != nil {
			return readResult{}, err
		}
		if settled {
			return p.finishProved(ctx, total)
		}
	}
	p.k.downgrade(ctx, NotProved, p.unprovedReason(total)) // before the sets are merged
	p.mergeIDs(p.before, p.after)
	rows := len(p.before)
	chunk := Chunk{Listing: p.k.l, Parent: p.parent, Checkpoint: Checkpoint{Name: p.name + "unproved", Total: total, Rows: rows}}
	return readResult{walk: catalog.Pages, total: total, distinct: rows}, p.k.putChunk(ctx, chunk, 0)
}

// tryProofRound counts the list and reads it again. It reports whether as many ids were
// seen before and after as were counted; last is the count before.
func (p *pagedRead) tryProofRound(ctx context.Context, n, last int) (total int, settled bool, err error) {
	if n > 0 {
		p.mergeIDs(p.before, p.after)
		err := p.readOtherViews(ctx, p.before, func() bool { return len(p.before) >= last })
		if err != nil {
			return 0, false, err
		}
	}
	if total, err = p.fetchTotal(ctx, n); err != nil {
		return 0, false, err
	}
	p.after, p.longest = idSet{}, 0
	done := func() bool {
		return p.countSeenBeforeAndAfter() == total && p.unreadable == 0 && !p.someAwayAtCount(total)
	}
	err = p.readAllPages(ctx, view{size: p.k.pageSize()}, p.after)
	if err == nil && !done() && n > 0 {
		err = p.readOtherViews(ctx, p.after, done)
	}
	return total, done(), err
}

// maxRounds bounds how often a list that does not settle is counted.
const maxRounds = 3

// readOtherViews reads the list in one other way after another, until done.
func (p *pagedRead) readOtherViews(ctx context.Context, ids idSet, done func() bool) error {
	for _, v := range p.views() {
		if done() || p.unreadable > 0 {
			return nil
		}
		if err := p.readAllPages(ctx, v, ids); err != nil {
			return err
		}
	}
	return nil
}

// A view is a way to read a list.
type view struct {
	size   int    // rows of a page
	search string // narrows it to items with this text; empty: all
}

func (v view) name() string { return fmt.Sprintf("%d%s", v.size, v.search) }

// views are the ways to read a list in which a server without an order may
// show what it hides in the plain one: pages of other sizes begin elsewhere,
// and what a search finds is another list. Every id has some of the letters.
func (p *pagedRead) views() []view {
	var views []view
	size := p.k.pageSize()
	if p.k.l.Search != "" && p.in == everyID {
		for _, letter := range alphabet {
			views = append(views, view{size, string(letter)})
		}
		return views
	}
	for i := range 4 {
		views = append(views, view{size: max(1, size-(i+1)*max(1, size/25))})
	}
	return views
}

// mergeIDs adds ids to a set.
func (p *pagedRead) mergeIDs(set, ids idSet) {
	for id := range ids {
		set[id] = struct{}{}
	}
}

// countSeenBeforeAndAfter returns how many ids were seen before and after the count.
func (p *pagedRead) countSeenBeforeAndAfter() (n int) {
	for id := range p.after {
		if _, ok := p.before[id]; ok {
			n++
		}
	}
	return n
}

// someAwayAtCount reports whether ids may have been seen before and after the count
// that were away when the server counted so many.
func (p *pagedRead) someAwayAtCount(counted int) bool {
	newcomers := len(p.after) - p.countSeenBeforeAndAfter()
	return p.parent != "" && p.longest > counted+newcomers
}

// unprovedReason says why a list could not be proved.
func (p *pagedRead) unprovedReason(total int) string {
	switch {
	case p.unreadable > 0:
		return fmt.Sprintf("%d rows make the server answer 500, whatever page they are on", p.unreadable)
	case total < 0:
		return "the server sends no Total-Number to compare with"
	}
	seen := p.countSeenBeforeAndAfter()
	if seen > total || p.someAwayAtCount(total) {
		return fmt.Sprintf("it did not settle: %d were counted, and %d were seen before and after: some left and came back", total, seen)
	}
	return fmt.Sprintf("it did not settle: of %d counted, %d were seen before and after", total, seen)
}

// finishProved ends a list that is proved: what the mirror has, or an earlier
// reading had, and the last ones have not, is deleted if its deletion check says so.
func (p *pagedRead) finishProved(ctx context.Context, total int) (readResult, error) {
	k := p.k
	known, err := k.knownIn(ctx, p.parent, p.in)
	if err != nil {
		return readResult{}, err
	}
	for _, item := range known {
		p.before[item.ID] = struct{}{}
	}
	var deleted []string
	for id := range p.before {
		if _, there := p.after[id]; !there {
			deleted = append(deleted, id)
		}
	}
	twice := func(context.Context) ([]Item, error) { return nil, nil } // two walks have said so already
	if deleted, err = k.confirmDeleted(ctx, p.parent, deleted, twice); err != nil {
		return readResult{}, err
	}
	rows := len(p.after)
	chunk := Chunk{Listing: k.l, Parent: p.parent, Deleted: deleted, Checkpoint: Checkpoint{Name: p.name + "proved", Total: total, Rows: rows}}
	return readResult{walk: catalog.Pages, total: total, distinct: rows}, k.putChunk(ctx, chunk, 0)
}
