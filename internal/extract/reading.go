package extract

import (
	"context"
	"fmt"
	"net/url"

	"logto-syncer/internal/logto"
)

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
		if total := counted(page); total >= 0 {
			part := Part{Listing: p.k.l, Parent: p.parent, Mark: Mark{Name: name, Total: total}}
			return total, p.k.put(ctx, part, 0)
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
