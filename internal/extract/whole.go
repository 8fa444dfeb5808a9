package extract

import (
	"context"
	"net/url"
	"strconv"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// readUnpaged reads a list that comes unpaged: one statement of the server, and so
// complete by construction. Where Total-Number comes back, the server is an
// older one that paged after all; where a row breaks the list, pages may still
// get at the others. A default page without Total-Number may be all, or the first
// page of a list whose headers a proxy drops: a page of the largest size tells.
func (k *walk) readUnpaged(ctx context.Context, parent string) (readResult, error) {
	if m, ok := k.savedCheckpoint(parent, "whole"); ok {
		k.addProgress(m.Rows, m.Rows)
		return readResult{walk: catalog.Whole, total: m.Total, distinct: m.Rows}, nil
	}
	if k.hasPagesOfEarlierAttempt(parent, everyID) {
		return k.readPages(ctx, parent, everyID)
	}
	page, err := k.fetchListPage(ctx, parent)
	if logto.IsPoison(err) && k.l.Member == "" {
		return k.readPages(ctx, parent, everyID)
	}
	if err != nil {
		return readResult{}, err
	}
	if page.Total >= 0 {
		return k.readPages(ctx, parent, everyID)
	}
	query := url.Values{}
	if len(page.Items) == defaultPage && k.l.Member == "" {
		query = pageQuery(1, maxPage)
		if page, err = k.fetchListPage(ctx, parent, query); err != nil {
			return readResult{}, err
		}
		if page.Total >= 0 || len(page.Items) == maxPage {
			return k.readPages(ctx, parent, everyID)
		}
	}
	items := k.decodeItems(ctx, page)
	n, err := k.storeCompleteList(ctx, parent, "whole", -1, everyID, distinctItems(items), func(ctx context.Context) ([]Item, error) {
		again, err := k.fetchListPage(ctx, parent, query)
		return k.decodeItems(ctx, again), err
	})
	return readResult{walk: catalog.Whole, total: -1, distinct: n}, err
}

// storeCompleteList stores a list, or a range of ids of one, that came in one
// statement; total is the Total-Number that came with it, -1 without one. What the
// mirror has there and the list has not is deleted if its deletion check says so;
// again reads the list once more.
func (k *walk) storeCompleteList(ctx context.Context, parent, name string, total int, in idRange, items []Item, again func(context.Context) ([]Item, error)) (distinct int, err error) {
	known, err := k.knownIn(ctx, parent, in)
	if err != nil {
		return 0, err
	}
	deleted := knownMissingFrom(known, items)
	if len(deleted) > 0 {
		if deleted, err = k.confirmDeleted(ctx, parent, deleted, again); err != nil {
			return 0, err
		}
	}
	k.addProgress(0, len(items))
	chunk := Chunk{
		Listing: k.l, Parent: parent, Items: items, Known: knownHashes(known), Deleted: deleted,
		Checkpoint: Checkpoint{Name: name, Total: total, Rows: len(items)},
	}
	return len(items), k.putChunk(ctx, chunk, len(items))
}

// distinctItems keeps the last of items with one id.
func distinctItems(items []Item) []Item {
	at := make(map[string]int, len(items))
	out := items[:0]
	for _, item := range items {
		if i, twice := at[item.ID]; twice {
			out[i] = item
			continue
		}
		at[item.ID] = len(out)
		out = append(out, item)
	}
	return out
}

// pageQuery asks for page n, from 1, of the given size.
func pageQuery(n, size int) url.Values {
	return url.Values{"page": {strconv.Itoa(n)}, "page_size": {strconv.Itoa(size)}}
}
