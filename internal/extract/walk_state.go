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

// checkpoint returns the checkpoint of a chunk that an earlier attempt has finished.
func (k *walk) checkpoint(parent, name string) (Checkpoint, bool) {
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

// putChunk stores a chunk and reports progress.
func (k *walk) putChunk(ctx context.Context, p Chunk, counts int) error {
	p.Checkpoint.Parent = p.Parent
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

// downgrade records why the listing cannot be proved. The worst outcome stays,
// with the first reason given for it.
func (k *walk) downgrade(o Outcome, reason string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	rank := map[Outcome]int{Complete: 0, NotProved: 1, Failed: 2, Unknown: 3}
	if rank[o] > rank[k.proof.Outcome] {
		k.proof.Outcome, k.proof.Reason = o, reason
	}
}

func (k *walk) outcome() Outcome {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.proof.Outcome
}

// addNote counts something a reader of the certificate should know.
func (k *walk) addNote(what string, n int) {
	if n == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.proof.Notes == nil {
		k.proof.Notes = map[string]int{}
	}
	k.proof.Notes[what] += n
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
