package extract

import (
	"context"
	"strconv"
)

// readOverfullIDRange divides a range that does not fit in a page. The page that came
// shows how the ids are spread within it.
func (k *walk) readOverfullIDRange(ctx context.Context, s *splitState, r idRange, total int, items []Item) error {
	sample := make([]string, len(items))
	for i, item := range items {
		sample[i] = item.ID
	}
	var subranges []idRange
	if r.irregular == 0 {
		subranges = r.divideBySample(sample, min(32, k.idRangeCount(total)))
	}
	if len(subranges) < 2 {
		return k.readRangeByPages(ctx, s, r)
	}
	return k.readSubranges(ctx, s, r, subranges)
}

// readSubranges reads a range in smaller ones.
func (k *walk) readSubranges(ctx context.Context, s *splitState, r idRange, subranges []idRange) error {
	if err := k.putDivided(ctx, s, r, subranges); err != nil {
		return err
	}
	return k.readEachIDRange(ctx, s, subranges)
}

func (k *walk) readEachIDRange(ctx context.Context, s *splitState, ranges []idRange) error {
	for _, r := range ranges {
		if err := k.readIDRange(ctx, s, r); err != nil {
			return err
		}
	}
	return nil
}

// putDivided stores that a range is read in smaller ones.
func (k *walk) putDivided(ctx context.Context, s *splitState, r idRange, subranges []idRange) error {
	names := make([]string, len(subranges))
	for i, subrange := range subranges {
		names[i] = subrange.name()
	}
	return k.putChunk(ctx, Chunk{Listing: k.l, Parent: s.parent, Checkpoint: Checkpoint{Name: dividedPrefix + r.name(), IDs: names}}, 0)
}

// readRangeByPages reads a range that cannot be divided further, such as ids that an
// import made of other characters.
func (k *walk) readRangeByPages(ctx context.Context, s *splitState, r idRange) error {
	f, err := k.readPages(ctx, s.parent, r)
	s.addRange(f.distinct, nil)
	return err
}

// readAround500 reads around a row that breaks every page it is on, by dividing its
// range until it is alone.
func (k *walk) readAround500(ctx context.Context, s *splitState, r idRange) error {
	page, err := k.fetchListPage(ctx, s.parent, pageQuery(pastTheEnd, 1), r.query())
	if err != nil {
		return err
	}
	if exactTotal(page) == 0 { // what was there has been deleted in the meantime
		return k.storeIDRange(ctx, s, r, nil)
	}
	if page.Total == 1 || r.irregular > 0 || r.depth >= maxDepth {
		k.downgrade(ctx, NotProved, "a row makes the server answer 500, whatever page it is on")
		k.addNote(ctx, "ids matching "+strconv.Quote(r.regexp())+" cannot be sent by the server (500)", max(page.Total, 1))
		return k.skipIDRange(ctx, s, r)
	}
	return k.readSubranges(ctx, s, r, r.divideEvenly(4))
}
