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
// So it takes two changes to deceive it, between its two counts: one comes back
// before it is asked for, and another leaves after it was.
func (k *walk) recount(ctx context.Context, r *refreshRead, fresh []string) error {
	const name = "recount"
	r.doubtful = map[int]bool{}
	earlier, _ := k.savedCheckpoint(r.parent, name) // of an attempt that was to read these ranges
	if err := k.findDoubtfulRanges(ctx, r, fresh); err != nil {
		return err
	}
	var doubtful []string
	for i, in := range r.ranges {
		if r.doubtful[i] = r.doubtful[i] || slices.Contains(earlier.IDs, in.name()); r.doubtful[i] {
			doubtful = append(doubtful, in.name())
		}
	}
	if len(doubtful) == 0 {
		return nil
	}
	return k.putChunk(ctx, Chunk{Listing: k.l, Parent: r.parent, Checkpoint: Checkpoint{Name: name, IDs: doubtful}}, 0)
}

// findDoubtfulRanges counts, and notes the ranges whose number has changed.
func (k *walk) findDoubtfulRanges(ctx context.Context, r *refreshRead, fresh []string) error {
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
	total := exactTotal(page)
	if len(unknown) > 0 { // who are on the page may have come after it was counted
		if total, err = k.fetchRangeTotal(ctx, r.parent, everyID); err != nil {
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
	// Who left a range before it was asked for hides that another has become longer.
	oneIsOpen := len(r.ranges) > 1 && !slices.Equal(r.totals, r.alive)
	if total == sum && !oneIsOpen {
		return nil
	}
	return k.recountRanges(ctx, r, expected)
}

// recountRanges finds the ranges that do not have as many ids as expected.
func (k *walk) recountRanges(ctx context.Context, r *refreshRead, expected []int) error {
	if len(r.ranges) == 1 {
		r.doubtful[0] = true
		return nil
	}
	p := k.newTaskGroup(ctx, r.parent)
	for i, in := range r.ranges {
		p.Go(func(ctx context.Context) error {
			total, err := k.fetchRangeTotal(ctx, r.parent, in)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.doubtful[i] = total != expected[i]
			return err
		})
	}
	return p.Wait()
}
