package extract

import (
	"context"
	"net/url"
	"slices"
	"sync"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// maxURL is the length of a request's path and query that common proxies let
// through, in bytes.
const maxURL = 7500

// confirm returns those of the ids that are gone for good, by the witness of
// the listing. again reads the whole list of the parent once more.
func (k *walk) confirm(ctx context.Context, parent string, ids []string, again func(context.Context) ([]Item, error)) ([]string, error) {
	switch k.l.Witness {
	case catalog.ByIDs:
		return k.absentByIDs(ctx, parent, ids)
	case catalog.ByPath:
		return k.absentByPath(ctx, ids)
	case catalog.ByWalk:
		items, err := again(ctx)
		if err != nil {
			return nil, err
		}
		seen := make(map[string]bool, len(items))
		for _, item := range items {
			seen[item.ID] = true
		}
		return slices.DeleteFunc(ids, func(id string) bool { return seen[id] }), nil
	}
	return nil, nil
}

// absentByIDs asks the listing for the ids, and returns those it does not have.
func (k *walk) absentByIDs(ctx context.Context, parent string, ids []string) ([]string, error) {
	var gone []string
	for batch := range batches(ids, k.size()) {
		items, sure, err := k.exact(ctx, parent, batch)
		if err != nil {
			return nil, err
		}
		if !sure {
			k.spoil(NotProved, "the server's answer about known ids does not agree with its Total-Number")
			continue
		}
		gone = append(gone, absent(batch, items)...)
		if err := k.put(ctx, Part{Listing: k.l, Parent: parent, Items: items}, 0); err != nil {
			return nil, err
		}
	}
	return gone, nil
}

// absentByPath asks for each item by its own path and returns those the
// server answers with a 404. What is still there is stored.
func (k *walk) absentByPath(ctx context.Context, ids []string) ([]string, error) {
	var mu sync.Mutex
	var gone []string
	p := k.group(ctx, "")
	for _, id := range ids {
		p.Go(func(ctx context.Context) error {
			there, err := k.byPath(ctx, id)
			if err != nil || there {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			gone = append(gone, id)
			return nil
		})
	}
	err := p.Wait()
	slices.Sort(gone)
	return gone, err
}

// byPath reads one item by its own path and stores it. It reports false when
// the server knows none of that id.
func (k *walk) byPath(ctx context.Context, id string) (there bool, err error) {
	if k.stopped() {
		return false, ErrStopped
	}
	k.mu.Lock()
	k.proof.Requests++
	k.mu.Unlock()
	object, err := k.API.Object(ctx, k.l.ForItem(id), nil)
	if logto.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, k.put(ctx, Part{Listing: k.l, Items: []Item{{ID: id, Value: object}}}, 0)
}

// exact asks the listing for up to a page of ids. sure says that rows and
// Total-Number agree, so that an id that is not among the items is gone.
func (k *walk) exact(ctx context.Context, parent string, ids []string) (items []Item, sure bool, err error) {
	query := exactQuery(ids)
	for range maxAsks {
		page, err := k.list(ctx, parent, pageQuery(1, k.size()), query)
		if err != nil {
			return nil, false, err
		}
		items = slices.DeleteFunc(distinctItems(k.items(page)), func(item Item) bool { return !slices.Contains(ids, item.ID) })
		if counted(page) == len(items) || len(items) == len(ids) {
			return items, true, nil
		}
	}
	return items, false, nil
}

// exactQuery searches for ids. With isCaseSensitive the server finds them by
// its primary key.
func exactQuery(ids []string) url.Values {
	return url.Values{"mode.id": {"exact"}, "isCaseSensitive": {"true"}, "search.id": ids}
}

// batches cuts ids into batches of at most size that fit in a URL.
func batches(ids []string, size int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for len(ids) > 0 {
			n, length := 0, 0
			for n < min(size, len(ids)) {
				length += len("&search.id=") + len(url.QueryEscape(ids[n]))
				if n > 0 && length > maxURL {
					break
				}
				n++
			}
			if !yield(ids[:n]) {
				return
			}
			ids = ids[n:]
		}
	}
}

// absent returns the ids that are not among the items.
func absent(ids []string, items []Item) []string {
	known := make([]Known, len(ids))
	for i, id := range ids {
		known[i].ID = id
	}
	return missing(known, items)
}

// FetchByID reads the items of a top-level listing with these ids and stores
// those the server has. It is for rows that others refer to and no walk has
// seen, as they were made during the run. It returns the ids the server does
// not have, and how many pages it asked for.
func (w *Walker) FetchByID(ctx context.Context, l *catalog.Listing, ids []string) (gone []string, requests int, err error) {
	k := &walk{Walker: w, l: l, proof: Proof{Listing: l, Outcome: Complete}}
	switch {
	case l.Witness == catalog.ByIDs && l.Walk == catalog.Split:
		gone, err = k.absentByIDs(ctx, "", ids)
	case l.ItemPath != "":
		gone, err = k.absentByPath(ctx, ids)
	default:
		err = k.one(ctx, "") // the list once more
	}
	return gone, k.proof.Requests, err
}
