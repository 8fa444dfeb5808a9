package extract

import (
	"context"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// pageSize is how many rows a page has.
func (k *walk) pageSize() int {
	if k.PageSize == 0 {
		return maxPage
	}
	return k.PageSize
}

func (k *walk) stopped() bool {
	select {
	case <-k.Stop:
		return true
	default:
		return false
	}
}

func (k *walk) stopError() error {
	if k.stopped() {
		return ErrStopped
	}
	return nil
}

// savedCheckpoint returns the checkpoint of a chunk that an earlier attempt has finished.
func (k *walk) savedCheckpoint(parent, name string) (Checkpoint, bool) {
	m, ok := k.checkpoints[checkpointKey{parent, name}]
	return m, ok
}

// exactTotal returns the Total-Number of a page where it is a count. A capped one
// is none: there may be more.
func exactTotal(page logto.Page) int {
	if page.Capped {
		return -1
	}
	return page.Total
}

// putChunk stores a chunk, with what was found in the scope of ctx since its last
// checkpoint, and reports progress.
func (k *walk) putChunk(ctx context.Context, p Chunk, counts int) error {
	p.Checkpoint.Parent = p.Parent
	if p.Checkpoint.Name != "" {
		p.Checkpoint.Findings = takeFindings(ctx)
	}
	if err := k.Store.Put(ctx, p); err != nil {
		return err
	}
	k.progress(counts, 0)
	return nil
}

// progress counts items towards the total, and tells.
func (k *walk) progress(items, total int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.progressed.Listing = k.l
	k.progressed.Items += items
	k.progressed.Total += total
	if k.Progress != nil {
		k.Progress(k.progressed)
	}
}

// addResult sums the finding of one parent into the proof.
func (k *walk) addResult(f readResult) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.proof.Parents++
	k.progressed.Parents = k.proof.Parents
	k.proof.Distinct += f.distinct
	if f.total >= 0 {
		k.proof.Total = max(k.proof.Total, 0) + f.total
	}
	if f.walk == catalog.Refresh || k.l.Parent == "" {
		k.proof.Walk = f.walk
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
