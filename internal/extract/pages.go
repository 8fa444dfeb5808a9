package extract

import (
	"context"
	"fmt"
	"sync"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// paging is the reading of a list page by page.
//
// The server's order may be none at all, and it changes under the walk, so
// one reading proves nothing unless it was one page. The proof of longer lists
// is this: Total-Number was asked for between readings, and as many ids were
// seen both before and after. Each of them was there when the server counted,
// and if they are as many as the server counted, nobody else was. For this it
// does not matter how many rows a reading lost or saw twice, or what was made
// or deleted meanwhile, as long as it settles in the end.
type paging struct {
	k      *walk
	parent string
	name   string      // leads the names of its marks
	in     idRange     // narrows the list; everyID takes all
	first  *logto.Page // the first page, until a reading has taken it
	before idSet       // seen before the count
	after  idSet       // seen after it
	poison int         // rows no page with which could be read

	readings int // so far

	mu sync.Mutex
}

type idSet map[string]struct{}

// pages reads a paged list that cannot be searched by id, or a range of ids
// that cannot be divided.
func (k *walk) pages(ctx context.Context, parent string, in idRange) (finding, error) {
	p := &paging{k: k, parent: parent, in: in, before: idSet{}, after: idSet{}}
	if in != everyID {
		p.name = in.name() + " "
	}
	if m, ok := k.done(parent, p.name+"proved"); ok {
		k.progress(m.Rows, m.Rows)
		return finding{walk: catalog.Pages, total: m.Total, distinct: m.Rows}, nil
	}
	if _, begun := k.done(parent, p.mark(0, view{size: k.size()}, 1)); !begun {
		page, err := k.list(ctx, parent, pageQuery(1, k.size()), in.query())
		switch {
		case logto.IsPoison(err):
		case err != nil:
			return finding{}, err
		case len(page.Items) < k.size() && (page.Total == len(page.Items) || page.Total < 0):
			return k.onePage(ctx, parent, p.name, page, in)
		default:
			p.first = &page
		}
	}
	return p.read(ctx)
}

// onePage stores a list that came on its first page, which proves itself: it
// was one statement, and not cut off.
func (k *walk) onePage(ctx context.Context, parent, name string, first logto.Page, in idRange) (finding, error) {
	items := distinctItems(k.items(first))
	n, err := k.complete(ctx, parent, name+"proved", in, items, func(ctx context.Context) ([]Item, error) {
		again, err := k.list(ctx, parent, pageQuery(1, k.size()), in.query())
		return k.items(again), err
	})
	return finding{walk: catalog.Pages, total: first.Total, distinct: n}, err
}

// read reads the list until it is proved, or has been read too often. The
// second reading is the first one's proof. Where they do not add up, because
// the list has changed or the server loses the same rows every time, it is
// read in other ways as well, before the next count and behind it.
func (p *paging) read(ctx context.Context) (finding, error) {
	if err := p.reading(ctx, view{size: p.k.size()}, p.before); err != nil {
		return finding{}, err
	}
	total := -1
	for round := 0; round < maxRounds && p.poison == 0; round++ { // with poison no reading has all
		var settled bool
		var err error
		if total, settled, err = p.round(ctx, round, total); err != nil {
			return finding{}, err
		}
		if settled {
			return p.settled(ctx, total)
		}
	}
	p.see(p.before, p.after)
	p.k.spoil(NotProved, p.unsettled(total))
	return finding{walk: catalog.Pages, total: total, distinct: len(p.before)}, nil
}

// round counts the list and reads it again. It reports whether as many ids were
// seen before and after as were counted; last is the count before.
func (p *paging) round(ctx context.Context, n, last int) (total int, settled bool, err error) {
	if n > 0 {
		p.see(p.before, p.after)
		err := p.otherwise(ctx, p.before, func() bool { return len(p.before) >= last })
		if err != nil {
			return 0, false, err
		}
	}
	if total, err = p.count(ctx, n); err != nil {
		return 0, false, err
	}
	p.after = idSet{}
	done := func() bool { return p.seenTwice() == total && p.poison == 0 }
	err = p.reading(ctx, view{size: p.k.size()}, p.after)
	if err == nil && !done() && n > 0 {
		err = p.otherwise(ctx, p.after, done)
	}
	return total, done(), err
}

// maxRounds bounds how often a list that does not settle is counted.
const maxRounds = 3

// otherwise reads the list in one other way after another, until done.
func (p *paging) otherwise(ctx context.Context, ids idSet, done func() bool) error {
	for _, v := range p.views() {
		if done() || p.poison > 0 {
			return nil
		}
		if err := p.reading(ctx, v, ids); err != nil {
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
func (p *paging) views() []view {
	var views []view
	size := p.k.size()
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

// see adds ids to a set.
func (p *paging) see(set, ids idSet) {
	for id := range ids {
		set[id] = struct{}{}
	}
}

// seenTwice returns how many ids were seen before and after the count.
func (p *paging) seenTwice() (n int) {
	for id := range p.after {
		if _, ok := p.before[id]; ok {
			n++
		}
	}
	return n
}

// unsettled says why a list could not be proved.
func (p *paging) unsettled(total int) string {
	switch {
	case p.poison > 0:
		return fmt.Sprintf("%d rows make the server answer 500, whatever page they are on", p.poison)
	case total < 0:
		return "the server sends no Total-Number to compare with"
	}
	return fmt.Sprintf("it did not settle: of %d rows counted, %d were seen before and after", total, p.seenTwice())
}

// settled ends a list that is proved: what the mirror has, or an earlier
// reading had, and the last ones have not, is gone if its witness says so.
func (p *paging) settled(ctx context.Context, total int) (finding, error) {
	k := p.k
	known, err := k.knownIn(ctx, p.parent, p.in)
	if err != nil {
		return finding{}, err
	}
	for _, item := range known {
		p.before[item.ID] = struct{}{}
	}
	var gone []string
	for id := range p.before {
		if _, there := p.after[id]; !there {
			gone = append(gone, id)
		}
	}
	twice := func(context.Context) ([]Item, error) { return nil, nil } // two walks have said so already
	if gone, err = k.confirm(ctx, p.parent, gone, twice); err != nil {
		return finding{}, err
	}
	rows := len(p.after)
	part := Part{Listing: k.l, Parent: p.parent, Gone: gone, Mark: Mark{Name: p.name + "proved", Total: total, Rows: rows}}
	return finding{walk: catalog.Pages, total: total, distinct: rows}, k.put(ctx, part, 0)
}
