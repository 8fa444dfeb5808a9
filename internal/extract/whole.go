package extract

import (
	"context"
	"net/url"
	"strconv"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// whole reads a list that comes unpaged: one statement of the server, and so
// complete by construction. Where Total-Number comes back, the server is an
// older one that paged after all; where a row breaks the list, pages may still
// get at the others.
func (k *walk) whole(ctx context.Context, parent string) (finding, error) {
	if m, ok := k.done(parent, "whole"); ok {
		k.progress(m.Rows, m.Rows)
		return finding{walk: catalog.Whole, total: -1, distinct: m.Rows}, nil
	}
	page, err := k.list(ctx, parent)
	if logto.IsPoison(err) && k.l.Member == "" {
		return k.pages(ctx, parent, everyID)
	}
	if err != nil {
		return finding{}, err
	}
	if page.Total >= 0 {
		return k.pages(ctx, parent, everyID)
	}
	items := k.items(page)
	n, err := k.complete(ctx, parent, "whole", everyID, distinctItems(items), func(ctx context.Context) ([]Item, error) {
		again, err := k.list(ctx, parent)
		return k.items(again), err
	})
	return finding{walk: catalog.Whole, total: -1, distinct: n}, err
}

// complete stores a list, or a range of ids of one, that came in one
// statement. What the mirror has there and the list has not is gone if its witness says so; again reads the list once
// more.
func (k *walk) complete(ctx context.Context, parent, name string, in idRange, items []Item, again func(context.Context) ([]Item, error)) (distinct int, err error) {
	known, err := k.knownIn(ctx, parent, in)
	if err != nil {
		return 0, err
	}
	gone := missing(known, items)
	if len(gone) > 0 {
		if gone, err = k.confirm(ctx, parent, gone, again); err != nil {
			return 0, err
		}
	}
	k.progress(0, len(items))
	part := Part{
		Listing: k.l, Parent: parent, Items: items, Known: hashesOf(known), Gone: gone,
		Mark: Mark{Name: name, Rows: len(items)},
	}
	return len(items), k.put(ctx, part, len(items))
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
