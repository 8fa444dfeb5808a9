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

// reading is one walk over all pages of a list.
type reading struct {
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
	first, err := k.list(ctx, parent, pageQuery(1, k.size()), filter)
	if err != nil && !logto.IsPoison(err) {
		return finding{}, err
	}
	if err == nil && len(first.Items) < k.size() && (first.Total == len(first.Items) || first.Total < 0) {
		return k.onePage(ctx, parent, name, first, in)
	}
	var last *reading
	all := map[string]struct{}{}
	for n := range maxWalks {
		now, err := k.reading(ctx, parent, fmt.Sprintf("%s%d/", name, n+1), filter, n == 0)
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
	k.spoil(unsettled(last))
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

func unsettled(last *reading) (Outcome, string) {
	switch {
	case last.poison > 0:
		return NotProved, fmt.Sprintf("%d rows make the server answer 500, whatever page they are on", last.poison)
	case last.total < 0:
		return NotProved, "the server sends no Total-Number to compare with"
	case !last.steady:
		return NotProved, "Total-Number did not keep still: the list changed during every one of its walks"
	}
	return NotProved, fmt.Sprintf("no two walks in a row returned the same ids: the last one had %d distinct of %d", len(last.ids), last.total)
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

// reading walks all pages once and stores them.
func (k *walk) reading(ctx context.Context, parent, name string, filter url.Values, counts bool) (*reading, error) {
	r := &reading{ids: map[string]struct{}{}, total: -2, steady: true}
	full, err := k.page(ctx, r, parent, name, filter, 1, counts)
	if err != nil {
		return nil, err
	}
	if counts {
		k.progress(0, max(r.total, 0))
	}
	planned := (r.total + k.size() - 1) / k.size()
	p := k.group(ctx, parent)
	for n := 2; n <= planned; n++ {
		p.Go(func(ctx context.Context) error {
			last, err := k.page(ctx, r, parent, name, filter, n, counts)
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
		full, err = k.page(ctx, r, parent, name, filter, n, counts)
	}
	r.total = max(r.total, -1)
	return r, err
}

// page reads and stores one page. It reports whether the page was full.
func (k *walk) page(ctx context.Context, r *reading, parent, name string, filter url.Values, n int, counts bool) (full bool, err error) {
	mark := fmt.Sprintf("%s%d", name, n)
	if m, ok := k.done(parent, mark); ok {
		r.take(m.Total, false, m.IDs)
		k.progress(m.Rows, 0)
		return len(m.IDs) >= k.size(), nil
	}
	page, err := k.list(ctx, parent, pageQuery(n, k.size()), filter)
	if logto.IsPoison(err) {
		page, err = k.bisectPage(ctx, r, parent, filter, n)
	}
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
	if counts {
		rows = len(items)
	}
	part := Part{Listing: k.l, Parent: parent, Items: items, Mark: Mark{Name: mark, Total: page.Total, Rows: rows, IDs: ids}}
	return len(page.Items) >= k.size(), k.put(ctx, part, rows)
}

// take adds a page to the reading.
func (r *reading) take(total int, capped bool, ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.total == -2 {
		r.total = total
	}
	r.steady = r.steady && total >= 0 && total == r.total && !capped
	for _, id := range ids {
		r.ids[id] = struct{}{}
	}
}

// bisectPage reads a page that fails for good in smaller ones, down to single
// rows, and leaves out the rows that break it.
func (k *walk) bisectPage(ctx context.Context, r *reading, parent string, filter url.Values, n int) (logto.Page, error) {
	whole := logto.Page{Total: -1}
	var read func(page, size int) error
	read = func(page, size int) error {
		got, err := k.list(ctx, parent, pageQuery(page, size), filter)
		switch {
		case err == nil:
			whole.Items, whole.Total = append(whole.Items, got.Items...), got.Total
			return nil
		case !logto.IsPoison(err):
			return err
		case size == 1:
			r.mu.Lock()
			r.poison++
			r.mu.Unlock()
			k.note(fmt.Sprintf("row %d of %s cannot be sent by the server (500)", page, k.l.ForParent(parent)), 1)
			return nil
		}
		for i := range 10 {
			if err := read((page-1)*10+i+1, size/10); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range 10 {
		if err := read((n-1)*10+i+1, k.size()/10); err != nil {
			return whole, err
		}
	}
	return whole, nil
}
