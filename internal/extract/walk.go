package extract

import (
	"context"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
)

// size is how many rows a page has.
func (k *walk) size() int {
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

// done returns the mark of a part that an earlier attempt has finished.
func (k *walk) done(parent, name string) (Mark, bool) {
	m, ok := k.marks[markKey{parent, name}]
	return m, ok
}

// counted returns the Total-Number of a page where it is a count. A capped one
// is none: there may be more.
func counted(page logto.Page) int {
	if page.Capped {
		return -1
	}
	return page.Total
}

// put stores a part and reports progress.
func (k *walk) put(ctx context.Context, p Part, counts int) error {
	p.Mark.Parent = p.Parent
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
	k.step.Listing = k.l
	k.step.Items += items
	k.step.Total += total
	if k.Progress != nil {
		k.Progress(k.step)
	}
}

// add sums the finding of one parent into the proof.
func (k *walk) add(f finding) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.proof.Parents++
	k.step.Parents = k.proof.Parents
	k.proof.Distinct += f.distinct
	if f.total >= 0 {
		k.proof.Total = max(k.proof.Total, 0) + f.total
	}
	if f.walk == catalog.Refresh || k.l.Parent == "" {
		k.proof.Walk = f.walk
	}
}

// spoil records why the listing cannot be proved. The worst outcome stays,
// with the first reason given for it.
func (k *walk) spoil(o Outcome, reason string) {
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

// note counts something a reader of the certificate should know.
func (k *walk) note(what string, n int) {
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
