package extract

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"logto-syncer/internal/logto"
)

// ask asks for all known ids and the fresh ones, batch by batch.
func (k *walk) ask(ctx context.Context, r *refreshing, fresh []string) error {
	p := k.group(ctx, r.parent)
	err := k.feed(ctx, r, fresh, func(batch []Known) {
		p.Go(func(ctx context.Context) error { return k.batch(ctx, r, batch) })
	})
	return firstError(p.Wait(), err)
}

// feed cuts what the mirror knows, and the fresh ids, into batches.
func (k *walk) feed(ctx context.Context, r *refreshing, fresh []string, yield func([]Known)) error {
	most := k.size()
	if k.l.CountOnly {
		most = countPages * k.size()
	}
	var rest []Known
	flush := func(all bool) {
		ids := idsOf(rest)
		for batch := range batches(ids, most) {
			if len(batch) == len(rest) && !all && len(batch) < most {
				break // wait for more to fill it
			}
			yield(rest[:len(batch):len(batch)])
			rest = rest[len(batch):]
		}
	}
	from := ""
	for !k.stopped() {
		known, err := k.Mirror.Known(ctx, k.l, r.parent, from, "", feedIDs)
		if err != nil {
			return err
		}
		rest = append(slices.Clip(rest), known...)
		if len(known) < feedIDs {
			for _, id := range fresh {
				rest = append(rest, Known{ID: id})
			}
			flush(true)
			return nil
		}
		flush(false)
		from = successor(known[len(known)-1].ID)
	}
	return ErrStopped
}

// batch asks for a batch of ids and counts those that are alive.
func (k *walk) batch(ctx context.Context, r *refreshing, batch []Known) error {
	name := fmt.Sprintf("batch %d %s", len(batch), batch[0].ID)
	ids := idsOf(batch)
	if m, ok := k.done(r.parent, name); ok {
		r.count(ids, m.IDs)
		k.progress(m.Rows, 0)
		return nil
	}
	if k.l.CountOnly && batch[len(batch)-1].Hash != (Hash{}) {
		page, err := k.list(ctx, r.parent, pageQuery(1, 1), exactQuery(ids))
		if err != nil {
			return err
		}
		if page.Total == len(ids) {
			r.count(ids, nil)
			part := Part{Listing: k.l, Parent: r.parent, Mark: Mark{Name: name, Rows: len(ids)}}
			return k.put(ctx, part, len(ids))
		}
	}
	return k.rows(ctx, r, name, batch)
}

// rows asks for the rows of a batch, and so for which of its ids are gone.
func (k *walk) rows(ctx context.Context, r *refreshing, name string, batch []Known) error {
	part := Part{Listing: k.l, Parent: r.parent, Known: hashesOf(batch)}
	unsure := []string(nil)
	for ids := range batches(idsOf(batch), k.size()) {
		items, sure, err := k.exactRows(ctx, r.parent, ids)
		if err != nil {
			return err
		}
		part.Items = append(part.Items, items...)
		if sure {
			part.Gone = append(part.Gone, absent(ids, items)...)
		} else {
			unsure = append(unsure, absent(ids, items)...)
		}
	}
	// Fresh ids are in no row yet: that they are gone again is no deletion.
	fresh := func(id string) bool { return part.Known[id] == Hash{} }
	lost := append(slices.Clone(part.Gone), unsure...)
	part.Gone = slices.DeleteFunc(part.Gone, fresh)
	for id := range part.Known {
		if fresh(id) {
			delete(part.Known, id)
		}
	}
	part.Mark = Mark{Name: name, Rows: len(part.Items), IDs: lost}
	r.count(idsOf(batch), lost)
	return k.put(ctx, part, len(part.Items))
}

// count adds the ids that are not lost to the ranges they are in.
func (r *refreshing) count(ids, lost []string) {
	dead := make(map[string]bool, len(lost))
	for _, id := range lost {
		dead[id] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if dead[id] {
			continue
		}
		r.alive[r.rangeOf(id)]++
	}
}

// rangeOf returns which of the ranges an id is in. They are those of divide: in
// order, at one depth, the odd one last.
func (r *refreshing) rangeOf(id string) int {
	last := len(r.ranges) - 1
	n, even := number(id, r.ranges[0].depth)
	if !even {
		return last
	}
	return sort.Search(last, func(i int) bool { return n < r.ranges[i].hi })
}

// exactRows is exact, but reads around a row that breaks the batch by halving
// it. What could not be read is not sure to be gone.
func (k *walk) exactRows(ctx context.Context, parent string, ids []string) (items []Item, sure bool, err error) {
	items, sure, err = k.exact(ctx, parent, ids)
	if err == nil || !logto.IsPoison(err) {
		return items, sure, err
	}
	if len(ids) == 1 {
		k.spoil(NotProved, "a row makes the server answer 500, whatever page it is on")
		k.note("item "+ids[0]+" cannot be sent by the server (500)", 1)
		return nil, false, nil
	}
	left, _, err := k.exactRows(ctx, parent, ids[:len(ids)/2])
	if err != nil {
		return nil, false, err
	}
	right, _, err := k.exactRows(ctx, parent, ids[len(ids)/2:])
	return append(left, right...), false, err
}
