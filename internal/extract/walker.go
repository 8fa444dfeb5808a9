package extract

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"logto-syncer/internal/catalog"
)

const (
	// maxPage is the most rows a page of the Management API has.
	maxPage = 100
	// maxRepeats bounds how often a statement is repeated whose rows and
	// Total-Number do not agree.
	maxRepeats = 4
)

// A Walker reads the listings of one tenant. Its fields are set before the
// first walk and not changed; its methods may be called concurrently.
type Walker struct {
	API API
	// Probe asks as API does, but returns a 404 in plain text without trying
	// again: logto.Client.Probe. nil: no listing is ever taken for unknown.
	Probe API
	// ReadBefore reports whether an earlier run has read a listing in full, so
	// that the server cannot be too old for it. nil: none has.
	ReadBefore func(ctx context.Context, l *catalog.Listing) (bool, error)
	Mirror     Mirror
	Store      Store
	Log        *slog.Logger
	// Afresh reads every listing as if the mirror knew nothing of it.
	Afresh bool
	// PageSize is how many rows a page has; 0: the most the API allows, 100.
	// Smaller pages are for tests, to which a list of three of them is long.
	PageSize int
	// Parallel bounds the pages of one listing that are on their way from
	// request to Store at once; 0: 32. The client bounds the requests.
	Parallel int
	// IDBatchSizer bounds how many ids a request names; nil: only the API does.
	IDBatchSizer *IDBatchSizer
	// Stop, once closed, ends every walk before its next request; nil never.
	Stop <-chan struct{}
	// Progress receives pages as they are stored; nil receives none.
	Progress func(Progress)
}

// A Progress is one page on the way of a walk.
type Progress struct {
	Listing *catalog.Listing
	Items   int // items of the page that count towards Total
	Total   int // items the walk expects now, as far as it knows
	Parents int // parents done
}

// initialProof returns the proof of a listing of which nothing has been read.
func initialProof(l *catalog.Listing) Proof {
	return Proof{Listing: l, Walk: l.Walk, Total: -1, Findings: Findings{Outcome: Complete}}
}

// Walk reads a listing to its proof. Its error ends the run; what concerns the
// listing alone is in the proof.
func (w *Walker) Walk(ctx context.Context, l *catalog.Listing) (Proof, error) {
	k := &walk{Walker: w, l: l, proof: initialProof(l)}
	checkpoints, err := w.Store.Checkpoints(ctx, l)
	if err != nil {
		return k.proof, fmt.Errorf("read what is done of %s: %w", l.Name, err)
	}
	k.restore(checkpoints)
	k.answered.Store(len(checkpoints) > 0)
	if l.Parent == "" {
		err = k.readParent(ctx, "")
	} else {
		err = k.readParents(ctx)
	}
	if err == nil {
		err = k.concludeUnknownListing(ctx)
	}
	k.proof.ReadAt = time.Now()
	if err != nil {
		return k.proof, fmt.Errorf("read %s: %w", l.Name, err)
	}
	return k.proof, nil
}
