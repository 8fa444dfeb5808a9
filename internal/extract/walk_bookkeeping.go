package extract

import (
	"context"
	"fmt"

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

func (k *walk) stopRequested() bool {
	select {
	case <-k.Stop:
		return true
	default:
		return false
	}
}

func (k *walk) stopError() error {
	if k.stopRequested() {
		return ErrStopped
	}
	return nil
}

// savedCheckpoint returns the checkpoint of a chunk that an earlier attempt has finished.
func (k *walk) savedCheckpoint(parent, name string) (Checkpoint, bool) {
	m, ok := k.checkpoints[checkpointKey{parent, k.rereadPrefix(parent) + name}]
	return m, ok
}

// beginParentReread notes that the list below a parent is read again from its beginning,
// beside what the first reading has stored. Checkpoints have other names from here on:
// a resumed walk would take a count of the first reading for one of the second, whose
// pages came later.
func (k *walk) beginParentReread(ctx context.Context, parent string) error {
	k.noteParentReread(parent, k.parentRereads(parent)+1)
	return k.putChunk(ctx, Chunk{Listing: k.l, Parent: parent, Checkpoint: Checkpoint{Name: "begun"}}, 0)
}

// rereadFormat leads the checkpoints below a parent whose list is read again.
const rereadFormat = "again %d "

func (k *walk) rereadPrefix(parent string) string {
	if n := k.parentRereads(parent); n > 0 {
		return fmt.Sprintf(rereadFormat, n)
	}
	return ""
}

// parentRereads returns how often the list below a parent was begun again.
func (k *walk) parentRereads(parent string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rereads[parent]
}

// noteParentReread notes that the list below a parent was begun again at least n times.
func (k *walk) noteParentReread(parent string, n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rereads == nil {
		k.rereads = map[string]int{}
	}
	k.rereads[parent] = max(k.rereads[parent], n)
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
		p.Checkpoint.Name = k.rereadPrefix(p.Parent) + p.Checkpoint.Name
		p.Checkpoint.Findings = takeFindings(ctx)
	}
	if err := k.Store.Put(ctx, p); err != nil {
		return err
	}
	k.addProgress(counts, 0)
	return nil
}

// addProgress counts items towards the total, and tells.
func (k *walk) addProgress(items, total int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.progressed.Listing = k.l
	k.progressed.Items += items
	k.progressed.Total += total
	if k.Progress != nil {
		k.Progress(k.progressed)
	}
}

// addParentResult sums the finding of one parent into the proof.
func (k *walk) addParentResult(f readResult) {
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
