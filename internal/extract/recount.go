package extract

import (
	"context"
	"slices"
)

// recount counts a list below a parent once more, after every known id was asked
// for. An id that was away when the server counted, and came back before it was
// asked for, stands in for one that nobody knows: the sum is right, and one is
// missing. But whoever comes back makes the list longer. Of those who have made
// it longer the newest page shows the new ones, who are stored; if there are
// more, or fewer, the ranges in which the number differs are read in full.
//
// So it takes two changes to deceive it, in the same range and between its two
// counts: one comes back before it is asked for, and another leaves after it was.
func (k *walk) recount(ctx context.Context, r *refreshState, fresh []string) error {
	page, err := k.fetchListPage(ctx, r.parent, pageQuery(1, k.pageSize()))
	if err != nil {
		return err
	}
	items := distinctItems(k.decodeItems(ctx, page))
	unknown, err := k.idsNotMirrored(ctx, r.parent, items)
	if err != nil {
		return err
	}
	unknown = slices.DeleteFunc(unknown, func(id string) bool { return slices.Contains(fresh, id) })
	items = slices.DeleteFunc(items, func(item Item) bool { return !slices.Contains(unknown, item.ID) })
	if len(items) > 0 {
		if err := k.putChunk(ctx, Chunk{Listing: k.l, Parent: r.parent, Items: items}, 0); err != nil {
			return err
		}
	}
	expected := slices.Clone(r.totals)
	for _, id := range unknown {
		expected[r.rangeIndex(id)]++
	}
	sum := 0
	for _, n := range expected {
		sum += n
	}
	if exactTotal(page) == sum {
		return nil
	}
	return k.recountRanges(ctx, r, expected)
}

// recountRanges finds the ranges that do not have as many ids as expected.
func (k *walk) recountRanges(ctx context.Context, r *refreshState, expected []int) error {
	r.doubtful = map[int]bool{}
	if len(r.ranges) == 1 {
		r.doubtful[0] = true
		return nil
	}
	p := k.newTaskGroup(ctx, r.parent)
	for i, in := range r.ranges {
		p.Go(func(ctx context.Context) error {
			total, err := k.fetchTotal(ctx, r.parent, in)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.doubtful[i] = total != expected[i]
			return err
		})
	}
	return p.Wait()
}
