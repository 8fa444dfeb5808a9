package extract

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// maxURL is how many bytes of a request's query may be ids. Common proxies let
// some 8,000 bytes of path and query through, lighttpd that much of the request's
// header with the token in it.
const maxURL = 7200

// confirmDeleted returns those of the ids that are deleted for good, by the deletion check of
// the listing. again reads the whole list of the parent once more.
func (k *walk) confirmDeleted(ctx context.Context, parent string, ids []string, again func(context.Context) ([]Item, error)) ([]string, error) {
	switch k.l.DeletionCheck {
	case catalog.ByIDs:
		return k.confirmByID(ctx, parent, ids)
	case catalog.ByPath:
		return k.confirmByPath(ctx, ids)
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

// confirmByID asks the listing for the ids, and returns those it does not have.
func (k *walk) confirmByID(ctx context.Context, parent string, ids []string) ([]string, error) {
	var mu sync.Mutex
	var deleted []string
	p := k.newTaskGroup(ctx, parent)
	for batch := range splitToFitURL(ids, k.maxIDsPerRowRequest(parent, ids)) {
		p.Go(func(ctx context.Context) error {
			if k.references {
				ctx = withFindingsCollector(ctx)
			}
			missing, err := k.confirmBatchByID(ctx, parent, batch)
			mu.Lock()
			defer mu.Unlock()
			deleted = append(deleted, missing...)
			return err
		})
	}
	err := p.Wait()
	slices.Sort(deleted)
	return deleted, err
}

// confirmBatchByID asks for ids that fit a request, and returns those that are
// deleted.
func (k *walk) confirmBatchByID(ctx context.Context, parent string, batch []string) (deleted []string, err error) {
	search := k.searchByID
	if k.references { // a row that cannot be sent is no reason to end the run
		search = k.searchByIDAround500
	}
	items, sure, err := search(ctx, parent, batch)
	if err != nil {
		return nil, err
	}
	chunk := Chunk{Listing: k.l, Parent: parent, Items: items, Checkpoint: k.newReferenceCheckpoint(batch[0], len(items))}
	if sure {
		return idsMissingFrom(batch, items), k.putChunk(ctx, chunk, 0)
	}
	k.downgrade(ctx, NotProved, "the server's answer about known ids does not agree with its Total-Number") // goes with the chunk
	if k.references && len(items) > 0 {
		return nil, k.putChunk(ctx, chunk, 0)
	}
	return nil, nil
}

// confirmByPath asks for each item by its own path and returns those the
// server answers with a 404. What is still there is stored.
func (k *walk) confirmByPath(ctx context.Context, ids []string) ([]string, error) {
	var mu sync.Mutex
	var deleted []string
	p := k.newTaskGroup(ctx, "")
	for _, id := range ids {
		p.Go(func(ctx context.Context) error {
			if k.references {
				ctx = withFindingsCollector(ctx)
			}
			there, err := k.fetchAndStoreItem(ctx, id)
			if k.references && logto.IsPoison(err) {
				k.downgrade(ctx, NotProved, "a row makes the server answer 500, whatever page it is on")
				k.addNote(ctx, "item "+id+" cannot be sent by the server (500)", 1)
				return nil
			}
			if err != nil || there {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			deleted = append(deleted, id)
			return nil
		})
	}
	err := p.Wait()
	slices.Sort(deleted)
	return deleted, err
}

// fetchAndStoreItem reads one item by its own path and stores it. It reports false when
// the server knows none of that id.
func (k *walk) fetchAndStoreItem(ctx context.Context, id string) (there bool, err error) {
	if k.stopRequested() {
		return false, ErrStopped
	}
	k.addRequest(ctx)
	object, err := k.API.Object(ctx, k.l.PathForItem(id), nil)
	if logto.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	chunk := Chunk{Listing: k.l, Items: []Item{{ID: id, Value: object}}, Checkpoint: k.newReferenceCheckpoint(id, 1)}
	return true, k.putChunk(ctx, chunk, 0)
}

// searchByID asks the listing for up to a page of ids. sure says that rows and
// Total-Number agree, so that an id that is not among the items is deleted.
func (k *walk) searchByID(ctx context.Context, parent string, ids []string) (items []Item, sure bool, err error) {
	for range maxRepeats {
		page, err := k.newIDRowRequest(parent, ids).fetch(ctx)
		if errors.Is(err, errTooManyIDs) {
			return k.searchInParts(ctx, parent, ids)
		}
		if err != nil {
			return nil, false, err
		}
		items = slices.DeleteFunc(distinctItems(k.decodeItems(ctx, page)), func(item Item) bool { return !slices.Contains(ids, item.ID) })
		if exactTotal(page) == len(items) || len(items) == len(ids) {
			return items, true, nil
		}
	}
	return items, false, nil
}

// searchInParts is searchByID of more ids than a request may name, which was
// found out just now.
func (k *walk) searchInParts(ctx context.Context, parent string, ids []string) (items []Item, sure bool, err error) {
	sure = true
	for part := range splitToFitURL(ids, min(len(ids)-1, k.maxIDsPerRowRequest(parent, ids))) {
		more, sureToo, err := k.searchByID(ctx, parent, part)
		if err != nil {
			return nil, false, err
		}
		items, sure = append(items, more...), sure && sureToo
	}
	return items, sure, nil
}

// idQuery searches for ids. With isCaseSensitive the server finds them by
// its primary key.
func idQuery(ids []string) url.Values {
	return url.Values{"mode.id": {"exact"}, "isCaseSensitive": {"true"}, "search.id": ids}
}

// splitToFitURL cuts ids into batches of at most size that fit in a URL.
func splitToFitURL(ids []string, size int) func(yield func([]string) bool) {
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

// idsMissingFrom returns the ids that are not among the items.
func idsMissingFrom(ids []string, items []Item) []string {
	known := make([]Known, len(ids))
	for i, id := range ids {
		known[i].ID = id
	}
	return knownMissingFrom(known, items)
}

// referencePrefix leads the checkpoints of items that were read since others
// refer to them.
const referencePrefix = "reference "

// newReferenceCheckpoint is the checkpoint of items that FetchReferenced found, the first of
// which was asked for by this id. Other reading by ids is done again when a walk
// is resumed, and has none.
func (k *walk) newReferenceCheckpoint(id string, rows int) Checkpoint {
	if !k.references {
		return Checkpoint{}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.proof.Distinct += rows
	return Checkpoint{Name: referencePrefix + id, Rows: rows}
}

// FetchReferenced reads the items of a top-level listing with these ids, stores those
// the server has, and adds what it found to the listing's proof. It is for rows
// that others refer to and no walk has seen, as they were made during the run.
func (w *Walker) FetchReferenced(ctx context.Context, p *Proof, ids []string) (err error) {
	l := p.Listing
	k := &walk{Walker: w, l: l, proof: initialProof(l), references: true}
	switch {
	case l.DeletionCheck == catalog.ByIDs && l.Walk == catalog.Split:
		_, err = k.confirmByID(withFindingsCollector(ctx), "", ids)
		p.Distinct += k.proof.Distinct
	case l.ItemPath != "" && len(l.Nested) == 0: // the path of one item sends no nested lists
		_, err = k.confirmByPath(ctx, ids)
		p.Distinct += k.proof.Distinct
	default:
		err = k.readParent(ctx, "") // the list once more
		p.Distinct = max(p.Distinct, k.proof.Distinct)
	}
	p.merge(k.proof.Findings)
	p.ReadAt = time.Now()
	return err
}
