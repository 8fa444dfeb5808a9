package extract

import (
	"context"
	"fmt"
	"math"
	"net/url"

	"logto-syncer/internal/logto"
)

// fetchTotal asks for the Total-Number alone.
func (p *pagedRead) fetchTotal(ctx context.Context, round int) (int, error) {
	name := fmt.Sprintf("%s%d total", p.name, round)
	if m, ok := p.k.savedCheckpoint(p.parent, name); ok {
		return m.Total, nil
	}
	total := -1
	for range maxRepeats {
		page, err := p.k.fetchListPage(ctx, p.parent, pageQuery(pastTheEnd, 1), p.in.query())
		if err != nil {
			return 0, err
		}
		if total = exactTotal(page); total >= 0 {
			break
		}
	}
	// That none came is noted, too: a resumed run would count after what was read next.
	chunk := Chunk{Listing: p.k.l, Parent: p.parent, Checkpoint: Checkpoint{Name: name, Total: total}}
	return total, p.k.putChunk(ctx, chunk, 0)
}

// checkpointName names a page of the n-th reading.
func (p *pagedRead) checkpointName(n int, v view, page int) string {
	return fmt.Sprintf("%s%d %s/%d", p.name, n, v.name(), page)
}

// readAllPages reads all pages once, stores them and adds their ids to the set.
func (p *pagedRead) readAllPages(ctx context.Context, v view, ids idSet) error {
	n := p.readings
	p.readings++
	total, full, err := p.readPage(ctx, n, v, 1, ids)
	if err != nil {
		return err
	}
	if n == 0 {
		p.k.addProgress(0, max(total, 0))
	}
	planned := (total + v.size - 1) / v.size
	g := p.k.newTaskGroup(ctx, p.parent)
	for page := 2; page < planned; page++ {
		g.Go(func(ctx context.Context) error {
			_, _, err := p.readPage(withFindingsCollector(ctx), n, v, page, ids)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	// The last one by itself: its Total-Number tells who has come while the
	// others were read. Without a total, or with one that was too small, the end
	// is where a page is not full, or shows nothing that the others have not.
	for page, seen := max(planned, 2), -1; (full || page <= planned) && len(ids) > seen && err == nil; page++ {
		if page > planned {
			seen = len(ids)
		}
		_, full, err = p.readPage(ctx, n, v, page, ids)
	}
	return err
}

// readPage reads and stores one page of a reading. It returns the Total-Number,
// and whether the page was full.
func (p *pagedRead) readPage(ctx context.Context, n int, v view, page int, ids idSet) (total int, full bool, err error) {
	k, name := p.k, p.checkpointName(n, v, page)
	if m, ok := k.savedCheckpoint(p.parent, name); ok {
		p.addIDs(ids, m.IDs)
		p.trackMaxTotal(m.Total)
		p.addUnreadable(m.Unreadable)
		k.addProgress(m.Rows, 0)
		return m.Total, len(m.IDs) >= v.size, nil
	}
	got, unreadable, err := p.fetchPage(ctx, n, v, page)
	if err != nil {
		return 0, false, err
	}
	chunk := Chunk{Listing: k.l, Parent: p.parent, Items: distinctItems(k.decodeItems(ctx, got)), Checkpoint: Checkpoint{Name: name, Total: exactTotal(got), Unreadable: unreadable}}
	for _, item := range chunk.Items {
		chunk.Checkpoint.IDs = append(chunk.Checkpoint.IDs, item.ID)
	}
	if n == 0 { // later readings see the same rows again
		chunk.Checkpoint.Rows = len(chunk.Items)
	}
	p.addIDs(ids, chunk.Checkpoint.IDs)
	p.trackMaxTotal(exactTotal(got))
	p.addUnreadable(unreadable)
	return got.Total, len(got.Items) >= v.size, k.putChunk(ctx, chunk, chunk.Checkpoint.Rows)
}

func (p *pagedRead) addIDs(set idSet, ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range ids {
		set[id] = struct{}{}
	}
}

// trackMaxTotal remembers the Total-Number of a page; without one, there might be
// any number.
func (p *pagedRead) trackMaxTotal(total int) {
	if total < 0 {
		total = math.MaxInt32
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.longest = max(p.longest, total)
}

// addUnreadable counts rows that no page with which could be read.
func (p *pagedRead) addUnreadable(rows int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unreadable += rows
}

// fetchPage gets one page, in parts if a row breaks it. It returns how many rows
// were left out.
func (p *pagedRead) fetchPage(ctx context.Context, n int, v view, page int) (got logto.Page, unreadable int, err error) {
	if first := p.first; n == 0 && page == 1 && first != nil {
		p.first = nil
		return *first, 0, nil
	}
	got, err = p.k.fetchListPage(ctx, p.parent, pageQuery(page, v.size), p.query(v))
	if logto.IsPoison(err) {
		got = logto.Page{Total: -1}
		err = p.fetchPageInParts(ctx, v, page, v.size, &got, &unreadable)
	}
	return got, unreadable, err
}

// query narrows the list to the range and to what a view searches for.
func (p *pagedRead) query(v view) url.Values {
	query := p.in.query()
	if v.search != "" {
		query.Set(p.k.l.Search, v.search)
	}
	return query
}

// fetchPageInParts reads a page that fails for good in tenths, those that fail in tenths
// again, and leaves out the single rows that break it. They are noted once.
func (p *pagedRead) fetchPageInParts(ctx context.Context, v view, page, size int, whole *logto.Page, unreadable *int) error {
	k, step := p.k, 1
	if size%10 == 0 {
		step = size / 10
	}
	for i := range size / step {
		piece := (page-1)*(size/step) + i + 1
		got, err := k.fetchListPage(ctx, p.parent, pageQuery(piece, step), p.query(v))
		switch {
		case logto.IsPoison(err) && step > 1:
			err = p.fetchPageInParts(ctx, v, piece, step, whole, unreadable)
		case logto.IsPoison(err):
			k.addNote(ctx, fmt.Sprintf("row %d of %s cannot be sent by the server (500)", piece, k.l.PathForParent(p.parent)), 1)
			*unreadable++
			err = nil
		case err == nil:
			// The greatest: who comes while the parts are read makes one of them longer.
			whole.Items, whole.Total, whole.Date = append(whole.Items, got.Items...), max(whole.Total, exactTotal(got)), got.Date
		}
		if err != nil {
			return err
		}
	}
	return nil
}
