package extract

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/rawjson"
)

// The methods in this file read a part of a listing, for whoever knows what has
// changed. They add what they found to a proof, which then says whether the part
// was read: an outcome other than Complete says what stood in the way. Nothing
// of it has a checkpoint: who is interrupted begins again.

// NewInitialProof returns a proof of a listing of which nothing has been read.
func NewInitialProof(l *catalog.Listing) *Proof {
	p := initialProof(l)
	return &p
}

// newPartialWalk returns a walk that reads a part of a listing.
func (w *Walker) newPartialWalk(p *Proof) *walk {
	return &walk{Walker: w, l: p.Listing, proof: initialProof(p.Listing)}
}

// include adds what a partial walk has found to the proof.
func (p *Proof) include(k *walk) {
	p.Distinct += k.proof.Distinct
	p.merge(k.proof.Findings)
	p.ReadAt = time.Now()
}

// ReadByID reads the items of a top-level listing with these ids again. Those
// the server does not have any more are deleted, as the listing's deletion check
// confirms it. It is for listings that are split or that have paths for their
// items.
func (w *Walker) ReadByID(ctx context.Context, p *Proof, ids []string) error {
	k := w.newPartialWalk(p)
	k.references = true
	defer p.include(k)
	var deleted []string
	var err error
	if k.l.DeletionCheck == catalog.ByIDs {
		deleted, err = k.confirmByID(withFindingsCollector(ctx), "", ids)
	} else {
		deleted, err = k.confirmByPath(ctx, ids)
	}
	if err == nil {
		err = k.deleteMirrored(ctx, "", deleted)
	}
	return k.wrap(err)
}

// deleteMirrored deletes those of the ids that the mirror has.
func (k *walk) deleteMirrored(ctx context.Context, parent string, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	known, err := k.Mirror.KnownByID(ctx, k.l, parent, ids)
	if err != nil || len(known) == 0 {
		return err
	}
	return k.putChunk(ctx, Chunk{Listing: k.l, Parent: parent, Deleted: knownIDs(known)}, 0)
}

// ReadBelow reads a listing below these parents, each to its proof.
func (w *Walker) ReadBelow(ctx context.Context, p *Proof, parents []string) error {
	k := w.newPartialWalk(p)
	defer p.include(k)
	g := k.newTaskGroup(ctx, "")
	for _, id := range parents {
		g.Go(func(ctx context.Context) error { return k.readParent(ctx, id) })
	}
	err := g.Wait()
	if err == nil {
		err = k.concludeUnknownListing(ctx)
	}
	return k.wrap(err)
}

// ReadNewest reads a top-level listing, newest first, until a page has nothing
// that the mirror lacks. It returns the Total-Number that came with the last
// page, all items before which were read; -1 without one.
func (w *Walker) ReadNewest(ctx context.Context, p *Proof) (total int, err error) {
	k := w.newPartialWalk(p)
	defer p.include(k)
	_, last, more, err := k.readNewestPages(ctx, "", func(items []Item) error {
		k.proof.Distinct += len(items)
		return k.putChunk(ctx, Chunk{Listing: k.l, Items: items}, len(items))
	})
	switch {
	case logto.IsPoison(err):
		k.downgrade(ctx, NotProved, err.Error())
		return -1, nil
	case err != nil:
		return -1, k.wrap(err)
	case more && len(last.Items) >= k.pageSize():
		k.downgrade(ctx, NotProved, "more is new than is read newest first")
		return -1, nil
	}
	return exactTotal(last), nil
}

// Count asks for the Total-Number of a top-level listing; -1: the server sends
// none.
func (w *Walker) Count(ctx context.Context, p *Proof) (total int, err error) {
	k := w.newPartialWalk(p)
	defer p.include(k)
	total, err = k.fetchRangeTotal(ctx, "", everyID)
	return total, k.wrap(err)
}

// ReadMemberships reads, from the list of one item of the other side, to which of
// some parents it belongs: the organizations of a user for the users of
// organizations. path is that of the list, whose elements have the parent's id
// and what else belongs to the item. A parent that is missing from two answers
// has the item no more.
func (w *Walker) ReadMemberships(ctx context.Context, p *Proof, path, id string, parents []string, item func(element jsontext.Value) (jsontext.Value, error)) error {
	k := w.newPartialWalk(p)
	defer p.include(k)
	missing := parents
	for range 2 {
		there, err := k.readMembershipsOnce(ctx, path, id, missing, item)
		if err != nil {
			return k.wrap(err)
		}
		var still []string
		for _, parent := range missing {
			if !there[parent] {
				still = append(still, parent)
			}
		}
		if missing = still; len(missing) == 0 {
			return nil
		}
	}
	for _, parent := range missing {
		if err := k.deleteMirrored(ctx, parent, []string{id}); err != nil {
			return k.wrap(err)
		}
	}
	return nil
}

func (k *walk) wrap(err error) error {
	if err != nil {
		return fmt.Errorf("read %s: %w", k.l.Name, err)
	}
	return nil
}

// readMembershipsOnce stores the item below those of the parents that the list has,
// and returns which these are.
func (k *walk) readMembershipsOnce(
	ctx context.Context, path, id string, parents []string, item func(jsontext.Value) (jsontext.Value, error),
) (there map[string]bool, err error) {
	if k.stopRequested() {
		return nil, ErrStopped
	}
	k.addRequest(ctx)
	page, err := k.API.List(ctx, path, nil)
	wanted := make(map[string]bool, len(parents))
	for _, parent := range parents {
		wanted[parent] = true
	}
	switch {
	case logto.IsNotFound(err):
		return nil, nil
	case logto.IsPoison(err):
		k.downgrade(ctx, NotProved, err.Error())
		return wanted, nil
	case err != nil:
		return nil, err
	}
	there = map[string]bool{}
	for _, element := range page.Items {
		parent, ok := rawjson.StringField(element, "id")
		if !ok || !wanted[parent] {
			continue
		}
		value, err := item(element)
		if err != nil {
			return nil, err
		}
		there[parent] = true
		if err := k.putChunk(ctx, Chunk{Listing: k.l, Parent: parent, Items: []Item{{ID: id, Value: value}}}, 1); err != nil {
			return nil, err
		}
	}
	if page.Total >= 0 || len(page.Items) == defaultPage { // it may be a page, and not all
		k.downgrade(ctx, NotProved, "the list of a member came in pages")
		return wanted, nil
	}
	return there, nil
}
