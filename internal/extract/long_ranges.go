package extract

import (
	"context"
	"sync"
)

func (k *walk) rowsPerLongRange() int {
	if k.pageSize() < maxPage {
		return shortLongRangePages * k.pageSize()
	}
	return longRangePages * maxPage
}

// hasLongRanges reports whether a list of so many rows is read in long ranges.
func (k *walk) hasLongRanges(total int) bool {
	return k.l.NewestFirst && total > 5*k.pageSize()
}

// longRanges is the reading of a list in long ranges.
type longRanges struct {
	mu             sync.Mutex
	proved, failed int
	rest           []idRange // to be read one page a range
}

// inVain reports whether reading long ranges costs more than it saves.
func (g *longRanges) inVain() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return 4*g.failed > g.proved+1
}

// shortRanges is the checkpoint of a list of which no long range could be proved.
const shortRanges = "ranges of one page"

// readLongRanges reads a list in long ranges, and returns the ranges that are left, to
// be read one page a range: all of them, if the first one shows that imports created
// many users in the same moments.
func (k *walk) readLongRanges(ctx context.Context, s *splitState, total int) (rest []idRange, err error) {
	short := everyID.divideEvenly(k.idRangeCount(total))
	if _, ok := k.savedCheckpoint(s.parent, shortRanges); ok {
		return short, nil
	}
	first := &splitState{parent: s.parent}
	if err := k.readIDRange(withFindingsCollector(ctx), first, short[0]); err != nil {
		return nil, err
	}
	var all longRanges
	n := (total + k.rowsPerLongRange() - 1) / k.rowsPerLongRange()
	ranges, rows := everyID.divideEvenly(n), total/n
	for first.ties <= maxTies && len(ranges) > 0 && all.proved+all.failed == 0 {
		if err := k.readLongRange(withFindingsCollector(ctx), s, &all, ranges[0], rows); err != nil {
			return nil, err
		}
		ranges = ranges[1:]
	}
	if all.proved == 0 && s.rows == 0 {
		s.addRange(first.rows, first.missing)
		return short[1:], k.putChunk(ctx, Chunk{Listing: k.l, Parent: s.parent, Checkpoint: Checkpoint{Name: shortRanges}}, 0)
	}
	k.progress(-first.rows, 0)
	g := taskGroup{newPool(ctx, longRangesAtOnce), k}
	for _, in := range ranges {
		g.Go(func(ctx context.Context) error {
			return k.readLongRange(withFindingsCollector(ctx), s, &all, in, rows)
		})
	}
	err = g.Wait()
	return all.rest, err
}

// readLongRange reads one long range, which is expected to have so many rows, or
// divides it.
func (k *walk) readLongRange(ctx context.Context, s *splitState, all *longRanges, in idRange, rows int) error {
	if m, ok := k.savedCheckpoint(s.parent, in.name()); ok {
		s.addRange(m.Rows, m.IDs)
		k.progress(m.Rows, 0)
		return nil
	}
	if m, ok := k.savedCheckpoint(s.parent, dividedPrefix+in.name()); ok {
		subranges, err := parseIDRanges(m.IDs)
		all.count(false)
		all.add(subranges...)
		return err
	}
	if in.irregular > 0 { // hardly any id is
		all.add(in)
		return nil
	}
	subranges := in.divideEvenly(k.idRangeCount(rows))
	if !all.inVain() {
		r := &longRange{k: k, parent: s.parent, in: in}
		proved, err := r.read(ctx)
		all.count(proved)
		if err != nil {
			return err
		}
		if proved {
			return k.storeIDRange(ctx, s, in, r.items)
		}
		subranges = r.divide()
	}
	all.add(subranges...)
	return k.putDivided(ctx, s, in, subranges)
}

func (g *longRanges) add(ranges ...idRange) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rest = append(g.rest, ranges...)
}

func (g *longRanges) count(proved bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if proved {
		g.proved++
	} else {
		g.failed++
	}
}
