package extract

import (
	"context"
	"fmt"
	"net/url"
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
	plain := view{size: p.k.size()}
	if err := p.reading(ctx, plain, p.before); err != nil {
		return finding{}, err
	}
	total, err := -1, error(nil)
	for round := range maxRounds {
		if round > 0 {
			p.see(p.before, p.after)
			err = p.otherwise(ctx, p.before, func() bool { return len(p.before) >= total })
			if err != nil {
				return finding{}, err
			}
		}
		if total, err = p.count(ctx, round); err != nil {
			return finding{}, err
		}
		p.after = idSet{}
		settled := func() bool { return p.seenTwice() == total && p.poison == 0 }
		if err = p.reading(ctx, plain, p.after); err == nil && !settled() && round > 0 {
			err = p.otherwise(ctx, p.after, settled)
		}
		if err != nil {
			return finding{}, err
		}
		if settled() {
			return p.settled(ctx, total)
		}
		if p.poison > 0 {
			break // no reading will have all
		}
	}
	p.see(p.before, p.after)
	p.k.spoil(NotProved, p.unsettled(total))
	return finding{walk: catalog.Pages, total: total, distinct: len(p.before)}, nil
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

// count asks for the Total-Number alone.
func (p *paging) count(ctx context.Context, round int) (int, error) {
	name := fmt.Sprintf("%s%d total", p.name, round)
	if m, ok := p.k.done(p.parent, name); ok {
		return m.Total, nil
	}
	for range maxAsks {
		page, err := p.k.list(ctx, p.parent, pageQuery(pastTheEnd, 1), p.in.query())
		if err != nil {
			return 0, err
		}
		if page.Total >= 0 && !page.Capped {
			part := Part{Listing: p.k.l, Parent: p.parent, Mark: Mark{Name: name, Total: page.Total}}
			return page.Total, p.k.put(ctx, part, 0)
		}
	}
	return -1, nil
}

// mark names a page of the n-th reading.
func (p *paging) mark(n int, v view, page int) string {
	return fmt.Sprintf("%s%d %s/%d", p.name, n, v.name(), page)
}

// reading reads all pages once, stores them and adds their ids to the set.
func (p *paging) reading(ctx context.Context, v view, ids idSet) error {
	n := p.readings
	p.readings++
	total, full, err := p.page(ctx, n, v, 1, ids)
	if err != nil {
		return err
	}
	if n == 0 {
		p.k.progress(0, max(total, 0))
	}
	planned := (total + v.size - 1) / v.size
	g := p.k.group(ctx, p.parent)
	for page := 2; page <= planned; page++ {
		g.Go(func(ctx context.Context) error {
			_, last, err := p.page(ctx, n, v, page, ids)
			if page == planned {
				full = last
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// Without a total, or with one that was too small, the end is where a page
	// is not full.
	for page := max(planned, 1) + 1; full && err == nil; page++ {
		_, full, err = p.page(ctx, n, v, page, ids)
	}
	return err
}

// page reads and stores one page of a reading. It returns the Total-Number,
// and whether the page was full.
func (p *paging) page(ctx context.Context, n int, v view, page int, ids idSet) (total int, full bool, err error) {
	k, mark := p.k, p.mark(n, v, page)
	if m, ok := k.done(p.parent, mark); ok {
		p.saw(ids, m.IDs)
		k.progress(m.Rows, 0)
		return m.Total, len(m.IDs) >= v.size, nil
	}
	got, err := p.ask(ctx, n, v, page)
	if err != nil {
		return 0, false, err
	}
	part := Part{Listing: k.l, Parent: p.parent, Items: distinctItems(k.items(got)), Mark: Mark{Name: mark, Total: got.Total}}
	for _, item := range part.Items {
		part.Mark.IDs = append(part.Mark.IDs, item.ID)
	}
	if n == 0 { // later readings see the same rows again
		part.Mark.Rows = len(part.Items)
	}
	p.saw(ids, part.Mark.IDs)
	return got.Total, len(got.Items) >= v.size, k.put(ctx, part, part.Mark.Rows)
}

func (p *paging) saw(set idSet, ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		set[id] = struct{}{}
	}
}

// ask gets one page, in pieces if a row breaks it.
func (p *paging) ask(ctx context.Context, n int, v view, page int) (logto.Page, error) {
	if first := p.first; n == 0 && page == 1 && first != nil {
		p.first = nil
		return *first, nil
	}
	got, err := p.k.list(ctx, p.parent, pageQuery(page, v.size), p.query(v))
	if logto.IsPoison(err) {
		got = logto.Page{Total: -1}
		err = p.bisect(ctx, v, page, v.size, n == 0, &got)
	}
	return got, err
}

// query narrows the list to the range and to what a view searches for.
func (p *paging) query(v view) url.Values {
	query := p.in.query()
	if v.search != "" {
		query.Set(p.k.l.Search, v.search)
	}
	return query
}

// bisect reads a page that fails for good in tenths, those that fail in tenths
// again, and leaves out the single rows that break it. They are noted once.
func (p *paging) bisect(ctx context.Context, v view, page, size int, note bool, whole *logto.Page) error {
	k, step := p.k, 1
	if size%10 == 0 {
		step = size / 10
	}
	for i := range size / step {
		piece := (page-1)*(size/step) + i + 1
		got, err := k.list(ctx, p.parent, pageQuery(piece, step), p.query(v))
		switch {
		case logto.IsPoison(err) && step > 1:
			err = p.bisect(ctx, v, piece, step, note, whole)
		case logto.IsPoison(err) && note:
			k.note(fmt.Sprintf("row %d of %s cannot be sent by the server (500)", piece, k.l.ForParent(p.parent)), 1)
			p.mu.Lock()
			p.poison++
			p.mu.Unlock()
			err = nil
		case logto.IsPoison(err):
			err = nil
		case err == nil:
			whole.Items, whole.Total = append(whole.Items, got.Items...), got.Total
		}
		if err != nil {
			return err
		}
	}
	return nil
}
