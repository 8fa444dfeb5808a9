package extract

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"sync"
	"sync/atomic"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// walk is one reading of one listing. Below parents, there is one for all.
type walk struct {
	*Walker
	l            *catalog.Listing
	checkpoints  map[checkpointKey]Checkpoint // what an earlier attempt has done; never written
	bounds       url.Values                   // of a window; nil for other walks
	stoppedEarly atomic.Bool                  // stopped before its end
	sample       int                          // for Verify: how many ranges or parents are read; 0: all
	references   bool                         // for FetchReferenced: what is read by ids has checkpoints
	answered     atomic.Bool                  // the server knows the listing: it has answered a request for it
	lacking      atomic.Bool                  // the server was found not to have it
	doubt        sync.Mutex                   // held by who finds out

	mu         sync.Mutex
	rereads    map[string]int // by parent: how often its list is read again after a 404
	proof      Proof
	progressed Progress
}

type checkpointKey struct{ parent, name string }

// readParents reads the listing for every parent.
func (k *walk) readParents(ctx context.Context) error {
	p := k.newTaskGroup(ctx, "")
	after := ""
	for {
		ids, err := k.Store.Parents(ctx, catalog.Find(k.l.Parent), k.l.ParentType, after, 1000)
		if err != nil || len(ids) == 0 {
			return firstError(p.Wait(), err)
		}
		after = ids[len(ids)-1]
		for _, id := range ids {
			if k.stopRequested() || k.lacking.Load() {
				return firstError(p.Wait(), k.stopError())
			}
			p.Go(func(ctx context.Context) error { return k.readParent(ctx, id) })
		}
	}
}

// readParent reads the listing below one parent, and turns what concerns the listing
// alone into its outcome.
func (k *walk) readParent(ctx context.Context, parent string) error {
	if _, ok := k.savedCheckpoint(parent, parentDeletedCheckpoint); ok {
		k.addParentResult(readResult{walk: k.l.Walk, total: -1})
		return nil
	}
	ctx = withFindingsCollector(ctx)
	found, err := k.dispatchWalk(ctx, parent)
	for range maxRepeats {
		if parent == "" || !logto.IsNotFound(err) {
			break
		}
		there, lookErr := k.parentExists(ctx, parent)
		if lookErr == nil && !there {
			return k.deleteBelowParent(ctx, parent)
		}
		if err = lookErr; err == nil {
			err = k.beginParentReread(ctx, parent)
		}
		if err == nil {
			found, err = k.dispatchWalk(ctx, parent)
		}
	}
	switch {
	case err == nil:
		k.addParentResult(found)
		return nil
	case errors.Is(err, errNoSuchListing):
		return nil
	case errors.Is(err, errNoMember):
		k.downgrade(ctx, NotProved, fmt.Sprintf("the server sent objects without %q; what the mirror has of it was kept", k.l.Member))
		k.addNote(ctx, fmt.Sprintf("objects without %q", k.l.Member), 1)
		return nil
	case logto.IsNotFound(err) && parent != "":
		k.downgrade(ctx, NotProved, "the server says that a parent does not exist, and shows it all the same: "+err.Error())
		return nil
	case logto.IsPoison(err) && parent != "":
		k.downgrade(ctx, NotProved, err.Error())
		return nil
	case logto.IsPoison(err):
		k.downgrade(ctx, Failed, err.Error())
		return nil
	}
	return err
}

// readResult is what reading the listing below one parent came to.
type readResult struct {
	walk     catalog.Walk
	total    int // -1: none was sent
	distinct int
}

// dispatchWalk chooses the walk.
func (k *walk) dispatchWalk(ctx context.Context, parent string) (readResult, error) {
	switch k.l.Walk {
	case catalog.Whole:
		return k.readUnpaged(ctx, parent)
	case catalog.Pages:
		return k.readPages(ctx, parent, everyID)
	case catalog.Window:
		return k.readWindow(ctx)
	}
	if k.sample > 0 {
		return k.spotCheckIDRanges(ctx, parent)
	}
	known := 0
	if !k.Afresh {
		var err error
		if known, err = k.Mirror.CountBelowParent(ctx, k.l, parent); err != nil {
			return readResult{}, err
		}
	}
	if known < k.pageSize() {
		return k.readSplit(ctx, parent)
	}
	return k.readRefresh(ctx, parent, known)
}

// parentDeletedCheckpoint is the checkpoint of a parent that was deleted during the run.
const parentDeletedCheckpoint = "parent deleted"

// deleteBelowParent deletes what the mirror has below a parent that the server does
// not have any more.
func (k *walk) deleteBelowParent(ctx context.Context, parent string) error {
	known, err := k.Mirror.KnownInRange(ctx, k.l, parent, "", "", 0)
	if err != nil {
		return err
	}
	k.addNote(ctx, "parents that were deleted during the run", 1)
	k.addParentResult(readResult{walk: k.l.Walk, total: -1})
	chunk := Chunk{Listing: k.l, Parent: parent, Deleted: knownIDs(known), Checkpoint: Checkpoint{Name: parentDeletedCheckpoint}}
	return k.putChunk(ctx, chunk, 0)
}

// fetchListPage asks for one page or one whole list.
func (k *walk) fetchListPage(ctx context.Context, parent string, queries ...url.Values) (logto.Page, error) {
	return k.request(ctx, parent, k.query(queries...))
}

// query is what a request of the listing asks, with what queries add.
func (k *walk) query(queries ...url.Values) url.Values {
	query := url.Values{}
	for _, q := range append([]url.Values{k.l.Query, k.bounds}, queries...) {
		maps.Copy(query, q)
	}
	return query
}
