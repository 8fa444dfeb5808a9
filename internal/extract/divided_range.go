package extract

import (
	"context"
	"strconv"
)

// dividedPrefix leads the checkpoint of a range that was too large, with its subranges.
const dividedPrefix = "divided "

// resumeIDRange takes over from the checkpoints that a range is done, or returns what it
// was divided into.
func (k *walk) resumeIDRange(s *splitRead, r idRange) (done bool, subranges []idRange, err error) {
	if m, ok := k.savedCheckpoint(s.parent, r.name()); ok {
		s.addRange(m.Rows, m.IDs)
		k.addProgress(m.Rows, 0)
		return true, nil, nil
	}
	if m, ok := k.savedCheckpoint(s.parent, dividedPrefix+r.name()); ok {
		subranges, err = parseIDRanges(m.IDs)
	}
	return false, subranges, err
}

// readOverfullIDRange divides a range that does not fit in a page. The page that came
// shows how the ids are spread within it.
func (k *walk) readOverfullIDRange(ctx context.Context, s *splitRead, r idRange, total int, items []Item) error {
	var subranges []idRange
	if r.irregular == 0 {
		subranges = r.divideBySample(idsOf(items), min(32, k.idRangeCount(total)))
	}
	if len(subranges) < 2 {
		return k.readRangeByPages(ctx, s, r)
	}
	return k.readSubranges(ctx, s, r, subranges)
}

// readSubranges reads a range in smaller ones.
func (k *walk) readSubranges(ctx context.Context, s *splitRead, r idRange, subranges []idRange) error {
	if err := k.putDivided(ctx, s, r, subranges); err != nil {
		return err
	}
	return k.readIDRangesSequentially(ctx, s, subranges)
}

func (k *walk) readIDRangesSequentially(ctx context.Context, s *splitRead, ranges []idRange) error {
	for _, r := range ranges {
		if err := k.readIDRange(ctx, s, r); err != nil {
			return err
		}
	}
	return nil
}

// putDivided stores that a range is read in smaller ones. One that is left as it was is
// not: who follows that would come back to it for ever.
func (k *walk) putDivided(ctx context.Context, s *splitRead, r idRange, subranges []idRange) error {
	if len(subranges) < 2 {
		return nil
	}
	names := make([]string, len(subranges))
	for i, subrange := range subranges {
		names[i] = subrange.name()
	}
	return k.putChunk(ctx, Chunk{Listing: k.l, Parent: s.parent, Checkpoint: Checkpoint{Name: dividedPrefix + r.name(), IDs: names}}, 0)
}

// readRangeByPages reads a range that cannot be divided further, such as ids that an
// import made of other characters.
func (k *walk) readRangeByPages(ctx context.Context, s *splitRead, r idRange) error {
	f, err := k.readPages(ctx, s.parent, r)
	s.addRange(f.distinct, nil)
	return err
}

// readAround500 reads around a row that breaks every page it is on, by dividing its
// range until it is alone.
func (k *walk) readAround500(ctx context.Context, s *splitRead, r idRange) error {
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
		return k.giveUpIDRange(ctx, s, r)
	}
	return k.readSubranges(ctx, s, r, r.divideEvenly(4))
}
