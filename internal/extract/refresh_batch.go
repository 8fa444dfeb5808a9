package extract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

	"logto-syncer/internal/logto"
)

// refreshKnown asks for all known ids and the fresh ones, batch by batch.
func (k *walk) refreshKnown(ctx context.Context, r *refreshRead, fresh []string) error {
	p := k.newTaskGroup(ctx, r.parent)
	err := k.eachRefreshBatch(ctx, r, fresh, func(batch []Known) {
		p.Go(func(ctx context.Context) error { return k.refreshBatch(withFindingsCollector(ctx), r, batch) })
	})
	return firstError(p.Wait(), err)
}

// eachRefreshBatch cuts what the mirror knows, and the fresh ids, into batches.
func (k *walk) eachRefreshBatch(ctx context.Context, r *refreshRead, fresh []string, yield func([]Known)) error {
	var rest []Known
	flush := func(all bool) {
		ids := knownIDs(rest)
		most := k.knownPerBatch(r.parent, ids)
		for batch := range splitToFitURL(ids, most) {
			if len(batch) == len(rest) && !all && len(batch) < most {
				break // wait for more to fill it
			}
			yield(rest[:len(batch):len(batch)])
			rest = rest[len(batch):]
		}
	}
	from := ""
	for !k.stopRequested() {
		known, err := k.Mirror.KnownInRange(ctx, k.l, r.parent, from, "", knownPerQuery)
		if err != nil {
			return err
		}
		rest = append(slices.Clip(rest), known...)
		if len(known) < knownPerQuery {
			for _, id := range fresh {
				rest = append(rest, Known{ID: id})
			}
			flush(true)
			return nil
		}
		flush(false)
		from = nextID(known[len(known)-1].ID)
	}
	return ErrStopped
}

// knownPerBatch is how many known ids make a batch: as many as may be counted
// at once where that is more than a request may ask the rows of.
func (k *walk) knownPerBatch(parent string, ids []string) int {
	most := k.maxIDsPerRowRequest(parent, ids)
	if k.l.CountOnly {
		if counted := countPages * k.pageSize(); k.IDBatchSizer.maxIDs(k.newIDCountRequest(parent, ids), counted) == counted {
			return counted
		}
	}
	return most
}

// refreshBatch asks for a batch of ids and counts those that are alive.
func (k *walk) refreshBatch(ctx context.Context, r *refreshRead, batch []Known) error {
	name := fmt.Sprintf("batch %d %s", len(batch), batch[0].ID)
	ids := knownIDs(batch)
	if m, ok := k.savedCheckpoint(r.parent, name); ok {
		r.addAlive(ids, m.IDs)
		k.addProgress(m.Rows, 0)
		return nil
	}
	if k.l.CountOnly && !slices.ContainsFunc(batch, isNewOrStale) {
		page, err := k.newIDCountRequest(r.parent, ids).fetch(ctx)
		if err != nil && !errors.Is(err, errTooManyIDs) {
			return err
		}
		// More than the one row asked for: the query was dropped on the way, and the
		// total is of all there are.
		if err == nil && page.Total == len(ids) && len(page.Items) <= 1 {
			r.addAlive(ids, nil)
			chunk := Chunk{Listing: k.l, Parent: r.parent, Checkpoint: Checkpoint{Name: name, Rows: len(ids)}}
			return k.putChunk(ctx, chunk, len(ids))
		}
	}
	return k.refreshBatchByRows(ctx, r, name, batch)
}

// isNewOrStale reports whether it is not enough to count an id: the mirror lacks
// it, or has it in a form that is to change.
func isNewOrStale(known Known) bool { return known.Hash == (Hash{}) || known.Stale }

// refreshBatchByRows asks for the rows of a batch, and so for which of its ids are deleted.
func (k *walk) refreshBatchByRows(ctx context.Context, r *refreshRead, name string, batch []Known) error {
	chunk := Chunk{Listing: k.l, Parent: r.parent, Known: knownHashes(batch)}
	unsure := []string(nil)
	for ids := range splitToFitURL(knownIDs(batch), k.maxIDsPerRowRequest(r.parent, knownIDs(batch))) {
		items, sure, err := k.searchByIDAround500(ctx, r.parent, ids)
		if err != nil {
			return err
		}
		chunk.Items = append(chunk.Items, items...)
		if sure {
			chunk.Deleted = append(chunk.Deleted, idsMissingFrom(ids, items)...)
		} else {
			unsure = append(unsure, idsMissingFrom(ids, items)...)
		}
	}
	if len(unsure) > 0 { // they may be deleted, and would stay in the mirror
		k.downgrade(ctx, NotProved, "the server's answer about known ids does not agree with its Total-Number")
	}
	// Fresh ids are in no row yet: that they are deleted again is no deletion.
	fresh := func(id string) bool { return chunk.Known[id] == Hash{} }
	lost := append(slices.Clone(chunk.Deleted), unsure...)
	chunk.Deleted = slices.DeleteFunc(chunk.Deleted, fresh)
	for id := range chunk.Known {
		if fresh(id) {
			delete(chunk.Known, id)
		}
	}
	chunk.Checkpoint = Checkpoint{Name: name, Rows: len(chunk.Items), IDs: lost}
	r.addAlive(knownIDs(batch), lost)
	return k.putChunk(ctx, chunk, len(chunk.Items))
}

// addAlive adds the ids that are not lost to the ranges they are in.
func (r *refreshRead) addAlive(ids, lost []string) {
	dead := make(map[string]bool, len(lost))
	for _, id := range lost {
		dead[id] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if dead[id] {
			continue
		}
		r.alive[r.rangeIndex(id)]++
	}
}

// rangeIndex returns which of the ranges an id is in. They are those of divideEvenly: in
// order, at one depth, the irregular one last.
func (r *refreshRead) rangeIndex(id string) int {
	last := len(r.ranges) - 1
	n, even := prefixNumber(id, r.ranges[0].depth)
	if !even {
		return last
	}
	return sort.Search(last, func(i int) bool { return n < r.ranges[i].hi })
}

// searchByIDAround500 is searchByID, but reads around a row that breaks the batch by halving
// it. What could not be read is not sure to be deleted.
func (k *walk) searchByIDAround500(ctx context.Context, parent string, ids []string) (items []Item, sure bool, err error) {
	items, sure, err = k.searchByID(ctx, parent, ids)
	if err == nil || !logto.IsPoison(err) {
		return items, sure, err
	}
	if len(ids) == 1 {
		k.downgrade(ctx, NotProved, "a row makes the server answer 500, whatever page it is on")
		k.addNote(ctx, "item "+ids[0]+" cannot be sent by the server (500)", 1)
		return nil, false, nil
	}
	left, _, err := k.searchByIDAround500(ctx, parent, ids[:len(ids)/2])
	if err != nil {
		return nil, false, err
	}
	right, _, err := k.searchByIDAround500(ctx, parent, ids[len(ids)/2:])
	return append(left, right...), false, err
}
