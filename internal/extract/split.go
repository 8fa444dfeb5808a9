package extract

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// partRows is how many rows a range of ids is expected to hold. Random ids
// spread around it like a Poisson distribution: with 80, one range in 60
// overflows a page of 100 and is read again in two. Fewer rows waste requests
// on half-empty pages, more on overflows; 80 comes to 1.30 requests per 100 of
// 20,000 rows, and to more than 1.35 for two tenants of that size in a hundred.
func (k *walk) partRows() int { return max(1, k.size()*4/5) }

// partsFor returns how many ranges so many rows are divided into.
func (k *walk) partsFor(rows int) int { return (rows + k.partRows() - 1) / k.partRows() }

// splitting is the reading of one list in ranges of ids.
type splitting struct {
	parent string
	mu     sync.Mutex
	rows   int
	gone   []string // known ids that no range had
}

// split reads a list that can be searched by id in ranges of ids. Every range
// comes as one page, in one statement, that was not cut off: there is no
// offset, no tie and no drift between pages that could lose a row.
func (k *walk) split(ctx context.Context, parent string) (finding, error) {
	total, sample, f, err := k.begin(ctx, parent)
	if err != nil || f != nil {
		return orZero(f), err
	}
	k.progress(0, total)
	parts := everyID.divide(k.partsFor(total))
	if !spread(sample) {
		parts = everyID.divideBy(sample, min(16, k.partsFor(total)))
	}
	return k.ranges(ctx, parent, parts)
}

// begin asks for the first page, which may be all. Otherwise it returns the
// total and the ids of the page, by which a range is divided.
func (k *walk) begin(ctx context.Context, parent string) (total int, sample []string, whole *finding, err error) {
	if m, ok := k.done(parent, "begin"); ok {
		return m.Total, m.IDs, nil, nil
	}
	if m, ok := k.done(parent, "proved"); ok {
		k.progress(m.Rows, m.Rows)
		return 0, nil, &finding{walk: catalog.Split, total: m.Total, distinct: m.Rows}, nil
	}
	page, err := k.list(ctx, parent, pageQuery(1, k.size()))
	if logto.IsPoison(err) { // one of its rows; ranges will get at the others
		page, err = k.list(ctx, parent, pageQuery(pastTheEnd, 1))
	} else if err == nil && len(page.Items) < k.size() && (page.Total == len(page.Items) || page.Total < 0) {
		f, err := k.onePage(ctx, parent, "", page, everyID)
		f.walk = catalog.Split
		return 0, nil, &f, err
	}
	if err != nil {
		return 0, nil, nil, err
	}
	for _, item := range k.items(page) {
		sample = append(sample, item.ID)
	}
	total = max(page.Total, len(page.Items), 1)
	if counted(page) < 0 { // ranges will find out as they overflow
		total = max(total, 36*k.partRows())
	}
	return total, sample, nil, k.put(ctx, Part{Listing: k.l, Parent: parent, Mark: Mark{Name: "begin", Total: total, IDs: sample}}, 0)
}

// pastTheEnd is a page no list has. It comes empty, with the total: the count
// alone, without a row that might break the page.
const pastTheEnd = 100_000_000

// spread reports whether the first characters of the ids look random, as they
// do unless an import made them.
func spread(ids []string) bool {
	first := map[byte]bool{}
	for _, id := range ids {
		first[id[0]] = true
	}
	return len(ids) < 50 || len(first) > 15
}

func orZero(f *finding) finding {
	if f == nil {
		return finding{}
	}
	return *f
}

// ranges reads the parts in parallel, and what they have to be divided into.
func (k *walk) ranges(ctx context.Context, parent string, parts []idRange) (finding, error) {
	s := &splitting{parent: parent}
	p := k.group(ctx, parent)
	for _, part := range parts {
		p.Go(func(ctx context.Context) error { return k.part(ctx, s, part) })
	}
	if err := p.Wait(); err != nil {
		return finding{}, err
	}
	gone, err := k.confirm(ctx, parent, s.gone, nil)
	if err != nil {
		return finding{}, err
	}
	if len(gone) > 0 {
		err = k.put(ctx, Part{Listing: k.l, Parent: parent, Gone: gone}, 0)
	}
	return finding{walk: catalog.Split, total: s.rows, distinct: s.rows}, err
}

// dividedMark leads the mark of a range that was too large, with its parts.
const dividedMark = "divided "

// part reads one range: as one page if it fits, in smaller ranges if not.
func (k *walk) part(ctx context.Context, s *splitting, r idRange) error {
	if m, ok := k.done(s.parent, r.name()); ok {
		s.take(m.Rows, m.IDs)
		k.progress(m.Rows, 0)
		return nil
	}
	if m, ok := k.done(s.parent, dividedMark+r.name()); ok {
		return k.children(ctx, s, m.IDs)
	}
	for range maxAsks {
		page, err := k.list(ctx, s.parent, pageQuery(1, k.size()), r.query())
		if logto.IsPoison(err) {
			return k.poisoned(ctx, s, r)
		}
		if err != nil {
			return err
		}
		items := distinctItems(k.items(page))
		for _, item := range items {
			if !r.contains(item.ID) {
				return fmt.Errorf("the server does not search by id: asked for %s, it sent others; is something between that drops query parameters?", r.regexp())
			}
		}
		if len(page.Items) >= k.size() || page.Total >= k.size() {
			return k.overflow(ctx, s, r, max(page.Total, len(items)), items)
		}
		if page.Total < 0 || page.Total == len(items) {
			return k.fits(ctx, s, r, items)
		}
	}
	k.spoil(NotProved, "the rows of a range and its Total-Number do not agree, however often asked")
	return nil
}

// fits stores a range that came as one page.
func (k *walk) fits(ctx context.Context, s *splitting, r idRange, items []Item) error {
	known, err := k.knownIn(ctx, s.parent, r)
	if err != nil {
		return err
	}
	gone := missing(known, items)
	s.take(len(items), gone)
	part := Part{
		Listing: k.l, Parent: s.parent, Items: items, Known: hashesOf(known),
		Mark: Mark{Name: r.name(), Total: len(items), Rows: len(items), IDs: gone},
	}
	return k.put(ctx, part, len(items))
}

// knownIn returns what the mirror has in a range.
func (k *walk) knownIn(ctx context.Context, parent string, r idRange) ([]Known, error) {
	if k.l.Witness == catalog.ByNobody {
		return nil, nil
	}
	from, to := r.bounds()
	known, err := k.Mirror.Known(ctx, k.l, parent, from, to, 0)
	if err != nil {
		return nil, err
	}
	in := known[:0]
	for _, item := range known {
		if r.contains(item.ID) {
			in = append(in, item)
		}
	}
	return in, nil
}

// take counts a range that is done, and remembers the known ids it has not.
func (s *splitting) take(rows int, gone []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows += rows
	s.gone = append(s.gone, gone...)
}

// overflow divides a range that does not fit in a page. The page that came
// shows how the ids are spread within it.
func (k *walk) overflow(ctx context.Context, s *splitting, r idRange, total int, items []Item) error {
	sample := make([]string, len(items))
	for i, item := range items {
		sample[i] = item.ID
	}
	var parts []idRange
	if r.odd == 0 {
		parts = r.divideBy(sample, min(32, k.partsFor(total)))
	}
	if len(parts) < 2 {
		return k.byPages(ctx, s, r)
	}
	names := make([]string, len(parts))
	for i, part := range parts {
		names[i] = part.name()
	}
	if err := k.put(ctx, Part{Listing: k.l, Parent: s.parent, Mark: Mark{Name: dividedMark + r.name(), IDs: names}}, 0); err != nil {
		return err
	}
	return k.children(ctx, s, names)
}

func (k *walk) children(ctx context.Context, s *splitting, names []string) error {
	for _, name := range names {
		r, ok := parseRange(name)
		if !ok {
			return fmt.Errorf("the marks of this run are not this program's: %q is no range of ids", name)
		}
		if err := k.part(ctx, s, r); err != nil {
			return err
		}
	}
	return nil
}

// byPages reads a range that cannot be divided further, such as ids that an
// import made of other characters.
func (k *walk) byPages(ctx context.Context, s *splitting, r idRange) error {
	f, err := k.pages(ctx, s.parent, r)
	s.take(f.distinct, nil)
	return err
}

// poisoned reads around a row that breaks every page it is on, by dividing its
// range until it is alone.
func (k *walk) poisoned(ctx context.Context, s *splitting, r idRange) error {
	page, err := k.list(ctx, s.parent, pageQuery(pastTheEnd, 1), r.query())
	if err != nil {
		return err
	}
	if page.Total == 0 {
		return nil // it has been deleted in the meantime
	}
	if page.Total == 1 || r.odd > 0 || r.depth >= maxDepth {
		k.spoil(NotProved, "a row makes the server answer 500, whatever page it is on")
		k.note("ids matching "+strconv.Quote(r.regexp())+" cannot be sent by the server (500)", max(page.Total, 1))
		return nil
	}
	for _, part := range r.divide(4) {
		if err := k.part(ctx, s, part); err != nil {
			return err
		}
	}
	return nil
}
