package extract

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

const (
	// maxPage is the most rows a page of the Management API has.
	maxPage = 100
	// maxAsks bounds how often a statement is repeated whose rows and
	// Total-Number do not agree.
	maxAsks = 4
)

// A Walker reads the listings of one tenant. Its fields are set before the
// first walk and not changed; its methods may be called concurrently.
type Walker struct {
	API    API
	Mirror Mirror
	Store  Store
	Log    *slog.Logger
	// Afresh reads every listing as if the mirror knew nothing of it.
	Afresh bool
	// PageSize is how many rows a page has; 0: the most the API allows, 100.
	// Smaller pages are for tests, to which a list of three of them is long.
	PageSize int
	// Parallel bounds the pages of one listing that are on their way from
	// request to Store at once; 0: 32. The client bounds the requests.
	Parallel int
	// Stop, once closed, ends every walk before its next request; nil never.
	Stop <-chan struct{}
	// Progress is told of pages as they are stored; nil is not told.
	Progress func(Step)
}

// A Step is one page on the way of a walk.
type Step struct {
	Listing *catalog.Listing
	Items   int // items of the page that count towards Total
	Total   int // items the walk expects now, as far as it knows
	Parents int // parents done
}

// walk is one reading of one listing. Below parents, there is one for all.
type walk struct {
	*Walker
	l      *catalog.Listing
	marks  map[markKey]Mark // what an earlier attempt has done; never written
	bounds url.Values       // of a window; nil for other walks
	cut    atomic.Bool      // stopped before its end
	sample int              // for Verify: how many ranges or parents are read; 0: all

	mu    sync.Mutex
	proof Proof
	step  Step
}

type markKey struct{ parent, name string }

// Walk reads a listing to its proof. Its error ends the run; what concerns the
// listing alone is in the proof.
func (w *Walker) Walk(ctx context.Context, l *catalog.Listing) (Proof, error) {
	k := &walk{Walker: w, l: l, proof: Proof{Listing: l, Walk: l.Walk, Total: -1, Outcome: Complete}}
	marks, err := w.Store.Marks(ctx, l)
	if err != nil {
		return k.proof, fmt.Errorf("read what is done of %s: %w", l.Name, err)
	}
	k.marks = make(map[markKey]Mark, len(marks))
	for _, m := range marks {
		k.marks[markKey{m.Parent, m.Name}] = m
	}
	if l.Parent == "" {
		err = k.one(ctx, "")
	} else {
		err = k.parents(ctx)
	}
	k.proof.ReadAt = time.Now()
	if err != nil {
		return k.proof, fmt.Errorf("read %s: %w", l.Name, err)
	}
	return k.proof, nil
}

// parents reads the listing for every parent.
func (k *walk) parents(ctx context.Context) error {
	p := k.group(ctx, "")
	after := ""
	for {
		ids, err := k.Store.Parents(ctx, catalog.Find(k.l.Parent), k.l.ParentType, after, 1000)
		if err != nil || len(ids) == 0 {
			return firstError(p.Wait(), err)
		}
		after = ids[len(ids)-1]
		for _, id := range ids {
			if k.stopped() || k.outcome() == Unknown {
				return firstError(p.Wait(), k.stopError())
			}
			p.Go(func(ctx context.Context) error { return k.one(ctx, id) })
		}
	}
}

// one reads the listing below one parent, and turns what concerns the listing
// alone into its outcome.
func (k *walk) one(ctx context.Context, parent string) error {
	found, err := k.read(ctx, parent)
	switch {
	case err == nil:
		k.add(found)
		return nil
	case logto.IsUnknownPath(err):
		k.spoil(Unknown, "the server does not know "+k.l.Path+": it is older than this listing")
		return nil
	case logto.IsNotFound(err) && parent != "":
		return k.parentGone(ctx, parent)
	case logto.IsPoison(err) && parent != "":
		k.spoil(NotProved, err.Error())
		return nil
	case logto.IsPoison(err):
		k.spoil(Failed, err.Error())
		return nil
	}
	return err
}

// finding is what reading the listing below one parent came to.
type finding struct {
	walk     catalog.Walk
	total    int // -1: none was sent
	distinct int
}

// read chooses the walk.
func (k *walk) read(ctx context.Context, parent string) (finding, error) {
	switch k.l.Walk {
	case catalog.Whole:
		return k.whole(ctx, parent)
	case catalog.Pages:
		return k.pages(ctx, parent, everyID)
	case catalog.Window:
		return k.window(ctx)
	}
	if k.sample > 0 {
		return k.sampled(ctx, parent)
	}
	known := 0
	if !k.Afresh {
		var err error
		if known, err = k.Mirror.Count(ctx, k.l, parent); err != nil {
			return finding{}, err
		}
	}
	if known < k.size() {
		return k.split(ctx, parent)
	}
	return k.refresh(ctx, parent, known)
}

// parentGone takes a 404 of the parent for the witness that nothing is below
// it any more.
func (k *walk) parentGone(ctx context.Context, parent string) error {
	known, err := k.Mirror.Known(ctx, k.l, parent, "", "", 0)
	if err != nil {
		return err
	}
	k.note("parents that were deleted during the run", 1)
	k.add(finding{walk: k.l.Walk})
	return k.Store.Put(ctx, Part{Listing: k.l, Parent: parent, Gone: idsOf(known), Mark: Mark{Name: "gone"}})
}

// list asks for one page or one whole list.
func (k *walk) list(ctx context.Context, parent string, queries ...url.Values) (logto.Page, error) {
	if k.stopped() {
		return logto.Page{}, ErrStopped
	}
	query := url.Values{}
	for _, q := range append([]url.Values{k.l.Query, k.bounds}, queries...) {
		maps.Copy(query, q)
	}
	k.mu.Lock()
	k.proof.Requests++
	k.mu.Unlock()
	path := k.l.ForParent(parent)
	if k.l.Member == "" {
		return k.API.List(ctx, path, query)
	}
	return k.member(ctx, path, query)
}
