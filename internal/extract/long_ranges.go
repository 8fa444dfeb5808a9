package extract

import (
	"context"
	"sync"

	"logto-syncer/internal/logto"
)

// targetRowsPerLongRange is how many rows a long range is expected to hold.
func (k *walk) targetRowsPerLongRange() int {
	if k.pageSize() < maxPage {
		return longRangePagesInTests * k.pageSize()
	}
	return longRangePages * maxPage
}

// usesLongRanges reports whether a list of so many rows is read in long ranges.
func (k *walk) usesLongRanges(total int) bool {
	return k.l.NewestFirst && total > 5*k.pageSize()
}

// longRangeResults is the reading of a list in long ranges.
type longRangeResults struct {
	mu             sync.Mutex
	proved, failed int
	rest           []idRange // to be read one page a range
}

// inVain reports whether reading long ranges costs more than it saves.
func (g *longRangeResults) inVain() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return 4*g.failed > g.proved+1
}

// How a list is read, once that is known: the names of checkpoints.
const (
	inShortRanges = "in ranges of one page"
	inLongRanges  = "in ranges of several pages"
)

// readLongRanges reads a list in long ranges, and returns the ranges that are left, to
// be read one page a range: all of them, if imports created many users in the same
// moments or the first long range cannot be proved.
func (k *walk) readLongRanges(ctx context.Context, s *splitRead, total int) (rest []idRange, err error) {
	short := everyID.divideEvenly(k.idRangeCount(total))
	if _, ok := k.savedCheckpoint(s.parent, inShortRanges); ok {
		return short, nil
	}
	if _, ok := k.savedCheckpoint(s.parent, inLongRanges); !ok {
		imports, err := k.sampleHasManyTies(ctx, s.parent, short[0])
		if err != nil {
			return nil, err
		}
		if imports {
			return short, k.putWay(ctx, s.parent, inShortRanges)
		}
		if err := k.putWay(ctx, s.parent, inLongRanges); err != nil {
			return nil, err
		}
	}
	var all longRangeResults
	n := (total + k.targetRowsPerLongRange() - 1) / k.targetRowsPerLongRange()
	ranges, rows := everyID.divideEvenly(n), total/n
	for len(ranges) > 0 && all.proved+all.failed == 0 {
		if err := k.readLongRange(withFindingsCollector(ctx), s, &all, ranges[0], rows); err != nil {
			return nil, err
		}
		ranges = ranges[1:]
	}
	if all.proved == 0 && s.rows == 0 {
		return short, k.putWay(ctx, s.parent, inShortRanges)
	}
	g := taskGroup{newPool(ctx, longRangesAtOnce), k}
	for _, in := range ranges {
		g.Go(func(ctx context.Context) error {
			return k.readLongRange(withFindingsCollector(ctx), s, &all, in, rows)
		})
	}
	err = g.Wait()
	return all.rest, err
}

func (k *walk) putWay(ctx context.Context, parent, name string) error {
	return k.putChunk(ctx, Chunk{Listing: k.l, Parent: parent, Checkpoint: Checkpoint{Name: name}}, 0)
}

// sampleHasManyTies reports whether many rows of a range of one page, which are a sample of
// all, were created in the same moment as another. Nothing of it is stored: that would
// count twice what storing notes.
func (k *walk) sampleHasManyTies(ctx context.Context, parent string, in idRange) (bool, error) {
	page, err := k.fetchListPage(ctx, parent, pageQuery(1, k.pageSize()), in.query())
	if logto.IsPoison(err) {
		return true, nil
	}
	return countTies(creationTimes(page.Items)) > maxTies, err
}

// readLongRange reads one long range, which is expected to have so many rows, or
// divides it.
func (k *walk) readLongRange(ctx context.Context, s *splitRead, all *longRangeResults, in idRange, rows int) error {
	done, divided, err := k.resumeIDRange(s, in)
	if done || err != nil {
		return err
	}
	if len(divided) > 0 {
		all.recordOutcome(false)
		all.addRangesToReread(divided...)
		return nil
	}
	if in.irregular > 0 || k.hasPagesOfEarlierAttempt(s.parent, in) { // hardly any id is; or it was not divided
		all.addRangesToReread(in)
		return nil
	}
	subranges := in.divideEvenly(k.idRangeCount(rows))
	if !all.inVain() {
		r := &longRangeRead{k: k, parent: s.parent, in: in}
		proved, err := r.read(ctx)
		all.recordOutcome(proved)
		if err != nil {
			return err
		}
		if proved {
			return k.storeIDRange(ctx, s, in, r.items)
		}
		subranges = r.divide()
	}
	all.addRangesToReread(subranges...)
	return k.putDivided(ctx, s, in, subranges)
}

func (g *longRangeResults) addRangesToReread(ranges ...idRange) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rest = append(g.rest, ranges...)
}

func (g *longRangeResults) recordOutcome(proved bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if proved {
		g.proved++
	} else {
		g.failed++
	}
}
