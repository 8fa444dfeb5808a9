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
	if _, begun := k.done(parent, p.mark(0, 1)); !begun {
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
// second reading is the first one's proof; where they do not add up, a third
// one may still find what the second lost, before it is counted again. The
// last count is followed by many readings, for a server that loses rows with
// every one of them.
func (p *paging) read(ctx context.Context) (finding, error) {
	if err := p.reading(ctx, 0, p.before); err != nil {
		return finding{}, err
	}
	total := -1
	for n := 1; n < maxWalks; n++ {
		if n == 1 || n == 3 || n == 5 {
			for id := range p.after {
				p.before[id] = struct{}{}
			}
			var err error
			if total, err = p.count(ctx, n); err != nil {
				return finding{}, err
			}
			p.after = idSet{}
		}
		if err := p.reading(ctx, n, p.after); err != nil {
			return finding{}, err
		}
		if p.seenTwice() == total && p.poison == 0 {
			return p.settled(ctx, total)
		}
		if p.poison > 0 {
			break // no reading will have all
		}
	}
	for id := range p.after {
		p.before[id] = struct{}{}
	}
	p.k.spoil(NotProved, p.unsettled(total))
	return finding{walk: catalog.Pages, total: total, distinct: len(p.before)}, nil
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

// count asks for the Total-Number alone, ahead of the n-th reading.
func (p *paging) count(ctx context.Context, n int) (int, error) {
	name := fmt.Sprintf("%s%d total", p.name, n)
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

// size is how many rows a page of the n-th reading has: fewer from the third
// on, for a server without an order may lose the same rows at the same offsets.
func (p *paging) size(n int) int {
	size := p.k.size()
	return max(1, size-max(0, n-1)*max(1, size/25))
}

// mark names a page of a reading.
func (p *paging) mark(n, page int) string { return fmt.Sprintf("%s%d/%d", p.name, n, page) }

// reading reads all pages once, stores them and adds their ids to the set.
func (p *paging) reading(ctx context.Context, n int, ids idSet) error {
	total, full, err := p.page(ctx, n, 1, ids)
	if err != nil {
		return err
	}
	if n == 0 {
		p.k.progress(0, max(total, 0))
	}
	planned := (total + p.size(n) - 1) / p.size(n)
	g := p.k.group(ctx, p.parent)
	for page := 2; page <= planned; page++ {
		g.Go(func(ctx context.Context) error {
			_, last, err := p.page(ctx, n, page, ids)
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
		_, full, err = p.page(ctx, n, page, ids)
	}
	return err
}

// page reads and stores one page of a reading. It returns the Total-Number,
// and whether the page was full.
func (p *paging) page(ctx context.Context, n, page int, ids idSet) (total int, full bool, err error) {
	k, mark := p.k, p.mark(n, page)
	if m, ok := k.done(p.parent, mark); ok {
		p.saw(ids, m.IDs)
		k.progress(m.Rows, 0)
		return m.Total, len(m.IDs) >= p.size(n), nil
	}
	got, err := p.ask(ctx, n, page)
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
	return got.Total, len(got.Items) >= p.size(n), k.put(ctx, part, part.Mark.Rows)
}

func (p *paging) saw(set idSet, ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		set[id] = struct{}{}
	}
}

// ask gets one page, in pieces if a row breaks it.
func (p *paging) ask(ctx context.Context, n, page int) (logto.Page, error) {
	if first := p.first; n == 0 && page == 1 && first != nil {
		p.first = nil
		return *first, nil
	}
	got, err := p.k.list(ctx, p.parent, pageQuery(page, p.size(n)), p.in.query())
	if logto.IsPoison(err) {
		got = logto.Page{Total: -1}
		err = p.bisect(ctx, page, p.size(n), n == 0, &got)
	}
	return got, err
}

// bisect reads a page that fails for good in tenths, those that fail in tenths
// again, and leaves out the single rows that break it. They are noted once.
func (p *paging) bisect(ctx context.Context, page, size int, note bool, whole *logto.Page) error {
	k, step := p.k, 1
	if size%10 == 0 {
		step = size / 10
	}
	for i := range size / step {
		piece := (page-1)*(size/step) + i + 1
		got, err := k.list(ctx, p.parent, pageQuery(piece, step), p.in.query())
		switch {
		case logto.IsPoison(err) && step > 1:
			err = p.bisect(ctx, piece, step, note, whole)
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
