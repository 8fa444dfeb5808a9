package extract

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/logto"
)

// completeWithSecondPage reads the rows of a range that did not fit on its first page, and
// returns all of them; nil: it could not be proved that it has all.
//
// The list is sorted by createdAt, the newest first, and the second page begins
// before the first one ends: with a row that was created later than the first page's
// last one. Whoever is on neither page was created no later than that last row, for
// he was behind it, and no earlier than that first row, for he was before it: nobody
// was. Who comes or goes between the two does not change that, nor does who was created
// in the same moment.
func (k *walk) completeWithSecondPage(ctx context.Context, parent string, r idRange, first logto.Page, items []Item) ([]Item, error) {
	total, full := exactTotal(first), k.pageSize()
	size := (total + max(2, full/20) + 1) / 2 // the second page is not to be full, though some come
	if !k.l.NewestFirst || len(first.Items) < full || total < len(items) || size > full-2 {
		return nil, nil
	}
	// It is read even if the walk is to stop: nothing of the first page would be kept.
	second, err := k.sendListing(ctx, k.API, parent, k.query(pageQuery(2, size), r.query()))
	if logto.IsPoison(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, oldest, sorted := k.sortedTimeSpan(first.Items)
	newest, _, sortedToo := k.sortedTimeSpan(second.Items)
	if !sorted || !sortedToo || len(second.Items) >= size || newest <= oldest {
		return nil, nil
	}
	rest := distinctItems(k.decodeItems(ctx, second))
	return distinctItems(append(items, rest...)), r.checkSearched(rest)
}

// sortedTimeSpan returns when the first and the last row of a page were created. It
// reports false unless all have an id and a time, each no later than the one before;
// and for a page without rows.
func (k *walk) sortedTimeSpan(rows []jsontext.Value) (first, last int64, sorted bool) {
	for i, row := range rows {
		at, ok := createdAt(row)
		if _, hasID := k.idOf(row); !ok || !hasID || i > 0 && at > last {
			return 0, 0, false
		}
		if last = at; i == 0 {
			first = at
		}
	}
	return first, last, len(rows) > 0
}
