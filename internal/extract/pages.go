package extract

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"sync"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// unread is the total of a reading before its first page.
const unread = -2

// reading is one walk over all pages of a list.
type reading struct {
	k            *walk
	parent, name string
	filter       url.Values
	first        *logto.Page // its first page, if that has been read already
	counts       bool        // towards progress

	mu     sync.Mutex
	ids    map[string]struct{}
	total  int  // Total-Number, -1 when pages did not send it
	steady bool // every page sent the same Total-Number, and none was capped
	poison int  // rows that could not be read
}

// pages reads a paged list that cannot be searched by id. The server's order
// may be none at all, and it changes under the walk, so one reading proves
// nothing unless it was one page. Two in a row that hold the same distinct
// ids, as many as Total-Number said on every page of both, do: a row that one
// of them missed because another was deleted would differ by that other.
// in narrows the list to a range of ids; everyID takes all.
func (k *walk) pages(ctx context.Context, parent string, in idRange) (finding, error) {
	name, filter := "", in.query()
	if in != everyID {
		name = in.name() + " "
	}
	if m, ok := k.done(parent, name+"proved"); ok {
		k.progress(m.Rows, m.Rows)
		return finding{walk: catalog.Pages, total: m.Total, distinct: m.Rows}, nil
	}
	var first *logto.Page // of a list that is longer
	if _, begun := k.done(parent, name+"1/1"); !begun {
		page, err := k.list(ctx, parent, pageQuery(1, k.size()), filter)
		switch {
		case logto.IsPoison(err):
		case err != nil:
			return finding{}, err
		case len(page.Items) < k.size() && (page.Total == len(page.Items) || page.Total < 0):
			return k.onePage(ctx, parent, name, page, in)
		default:
			first = &page
		}
	}
	var last *reading
	all := map[string]struct{}{}
	for n := range maxWalks {
		r := &reading{k: k, parent: parent, name: fmt.Sprintf("%s%d/", name, n+1), filter: filter, first: first, counts: n == 0}
		first = nil
		now, err := r.read(ctx)
		if err != nil {
			return finding{}, err
		}
		maps.Copy(all, now.ids)
		if agree(last, now) {
			return k.settled(ctx, parent, name, in, now, all)
		}
		last = now
		if now.poison > 0 && n > 0 {
			break
		}
	}
	k.spoil(NotProved, unsettled(last))
	return finding{walk: catalog.Pages, total: last.total, distinct: len(all)}, nil
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

// agree reports whether two readings in a row prove each other.
func agree(last, now *reading) bool {
	if last == nil || !last.steady || !now.steady || last.poison+now.poison > 0 {
		return false
	}
	return now.total == len(now.ids) && last.total == now.total && maps.Equal(last.ids, now.ids)
}

// unsettled says why a list could not be proved.
func unsettled(last *reading) string {
	switch {
	case last.poison > 0:
		return fmt.Sprintf("%d rows make the server answer 500, whatever page they are on", last.poison)
	case last.total < 0:
		return "the server sends no Total-Number to compare with"
	case !last.steady:
		return "Total-Number did not keep still: the list changed during every one of its walks"
	}
	return fmt.Sprintf("no two walks in a row returned the same ids: the last one had %d distinct of %d", len(last.ids), last.total)
}

// settled ends a list that two readings agreed on: what the mirror has, or an
// earlier reading had, and they have not, is gone if its witness says so.
func (k *walk) settled(ctx context.Context, parent, name string, in idRange, now *reading, all map[string]struct{}) (finding, error) {
	known, err := k.knownIn(ctx, parent, in)
	if err != nil {
		return finding{}, err
	}
	var gone []string
	for _, item := range known {
		if _, there := now.ids[item.ID]; !there {
			gone = append(gone, item.ID)
		}
	}
	for _, item := range known {
		delete(all, item.ID)
	}
	for id := range all { // staged by a reading before they went
		if _, there := now.ids[id]; !there {
			gone = append(gone, id)
		}
	}
	twice := func(context.Context) ([]Item, error) { return nil, nil } // two walks have said so already
	if gone, err = k.confirm(ctx, parent, gone, twice); err != nil {
		return finding{}, err
	}
	part := Part{Listing: k.l, Parent: parent, Gone: gone, Mark: Mark{Name: name + "proved", Total: now.total, Rows: len(now.ids)}}
	return finding{walk: catalog.Pages, total: now.total, distinct: len(now.ids)}, k.put(ctx, part, 0)
}

// read walks all pages once and stores them.
func (r *reading) read(ctx context.Context) (*reading, error) {
	r.ids, r.total, r.steady = map[string]struct{}{}, unread, true
	full, err := r.page(ctx, 1)
	if err != nil {
		return nil, err
	}
	if r.counts {
		r.k.progress(0, max(r.total, 0))
	}
	planned := (r.total + r.k.size() - 1) / r.k.size()
	p := r.k.group(ctx, r.parent)
	for n := 2; n <= planned; n++ {
		p.Go(func(ctx context.Context) error {
			last, err := r.page(ctx, n)
			if n == planned {
				full = last
			}
			return err
		})
	}
	if err := p.Wait(); err != nil {
		return nil, err
	}
	// Without a total, or with one that was too small, the end is where a page
	// is not full.
	for n := max(planned, 1) + 1; full && err == nil; n++ {
		full, err = r.page(ctx, n)
	}
	r.total = max(r.total, -1)
	return r, err
}

// page reads and stores one page. It reports whether the page was full.
func (r *reading) page(ctx context.Context, n int) (full bool, err error) {
	k, mark := r.k, fmt.Sprintf("%s%d", r.name, n)
	if m, ok := k.done(r.parent, mark); ok {
		r.take(m.Total, false, m.IDs)
		k.progress(m.Rows, 0)
		return len(m.IDs) >= k.size(), nil
	}
	page, err := r.ask(ctx, n)
	if err != nil {
		return false, err
	}
	items := distinctItems(k.items(page))
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}
	r.take(page.Total, page.Capped, ids)
	rows := 0
	if r.counts {
		rows = len(items)
	}
	part := Part{Listing: k.l, Parent: r.parent, Items: items, Mark: Mark{Name: mark, Total: page.Total, Rows: rows, IDs: ids}}
	return len(page.Items) >= k.size(), k.put(ctx, part, rows)
}

// ask gets one page, in pieces if a row breaks it.
func (r *reading) ask(ctx context.Context, n int) (logto.Page, error) {
	if n == 1 && r.first != nil {
		return *r.first, nil
	}
	page, err := r.k.list(ctx, r.parent, pageQuery(n, r.k.size()), r.filter)
	if logto.IsPoison(err) {
		page = logto.Page{Total: -1}
		err = r.bisect(ctx, n, r.k.size(), &page)
	}
	return page, err
}

// take adds a page to the reading.
func (r *reading) take(total int, capped bool, ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.total == unread {
		r.total = total
	}
	r.steady = r.steady && total >= 0 && total == r.total && !capped
	for _, id := range ids {
		r.ids[id] = struct{}{}
	}
}

// bisect reads a page that fails for good in tenths, those that fail in tenths
// again, and leaves out the single rows that break it.
func (r *reading) bisect(ctx context.Context, n, size int, whole *logto.Page) error {
	k, step := r.k, 1
	if size%10 == 0 {
		step = size / 10
	}
	for i := range size / step {
		piece := (n-1)*(size/step) + i + 1
		got, err := k.list(ctx, r.parent, pageQuery(piece, step), r.filter)
		switch {
		case logto.IsPoison(err) && step > 1:
			err = r.bisect(ctx, piece, step, whole)
		case logto.IsPoison(err):
			r.spoiled()
			k.note(fmt.Sprintf("row %d of %s cannot be sent by the server (500)", piece, k.l.ForParent(r.parent)), 1)
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

func (r *reading) spoiled() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.poison++
}
