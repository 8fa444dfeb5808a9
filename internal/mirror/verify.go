package mirror

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
)

// A Difference is one item of which the mirror and the tenant say different
// things.
type Difference struct {
	Listing string `json:"listing"`
	Parent  string `json:"parent,omitempty"`
	ID      string `json:"id"`
	What    string `json:"what"` // missing, changed or deleted
	// Columns are what has changed, as "name"; of an element within the item as
	// "scopes.name", or "scopes" where the mirror lacks one or has one too many.
	Columns []string `json:"columns,omitempty"`
}

// What a Difference can be, seen from the tenant: the mirror lacks the item,
// has it otherwise, or still has it.
const (
	Missing = "missing"
	Changed = "changed"
	Deleted = "deleted"
)

// A ListingVerification is what a listing came to when it was compared.
type ListingVerification struct {
	Type        string       `json:"type"` // "verification"
	Tenant      string       `json:"tenant"`
	Listing     string       `json:"listing"`
	Total       *int         `json:"total"`    // rows the tenant has; null where it did not count all of them
	Mirrored    int64        `json:"mirrored"` // rows the mirror has
	Compared    int          `json:"compared"` // rows that were compared
	Way         string       `json:"way"`      // how they were chosen, such as "every row"
	Requests    int          `json:"requests"`
	Proof       string       `json:"proof"` // of what was read, not of the mirror
	Reason      string       `json:"reason,omitempty"`
	Differences []Difference `json:"differences"`
}

// Equal reports whether the mirror was found equal, as far as was looked.
func (v ListingVerification) Equal() bool {
	return len(v.Differences) == 0 && (v.Proof == string(extract.Complete) || v.Proof == string(extract.Unknown))
}

// Verify compares the mirror with the tenant and changes neither. A sample of
// 0 compares everything; see extract.Walker.Verify for others. What changes in
// the tenant while it is compared shows as a difference, and so does a privacy
// rule of the job's that no run has applied yet.
func (r *Runner) Verify(ctx context.Context, job Job, sample int) ([]ListingVerification, error) {
	loader, err := r.openLoader(ctx, job)
	if err != nil {
		return nil, err
	}
	stage := loader.NewDetachedStage()
	var out []ListingVerification
	size, _, err := openIDBatchSizer(ctx, r.Pool, job.Tenant)
	if err != nil {
		return nil, err
	}
	for _, l := range job.Listings {
		c := &comparingStore{sink: &sink{a: &attempt{job: job, stage: stage, pool: r.Pool, log: r.Log}, emptyInMirror: map[string]bool{}}}
		w := &extract.Walker{API: r.Client, Probe: r.Client.WithoutUnknownPathRetries(), ReadBefore: c.a.wasReadBefore, Mirror: c, Store: c, Log: r.Log, PageSize: r.PageSize, IDBatchSizer: size, Stop: r.Stop, Progress: r.Progress}
		proof, err := w.Verify(ctx, l, sample)
		if err != nil {
			return out, fmt.Errorf("verify %s: %w", l.Name, err)
		}
		mirrored, err := stage.CountItems(ctx, l)
		if err != nil {
			return out, err
		}
		v := ListingVerification{
			Type: "verification", Tenant: job.Tenant, Listing: l.Name, Mirrored: mirrored, Compared: proof.Distinct,
			Requests: proof.Requests, Proof: string(proof.Outcome), Reason: proof.Reason, Differences: c.differences,
		}
		v.Way = comparedRowsText(l, sample, proof)
		if proof.Total >= 0 && (v.Way == everyRow || l.Parent == "") { // else it is of the parents that were chosen
			v.Total = &proof.Total
		}
		slices.SortFunc(v.Differences, func(a, b Difference) int { return slices.Compare(a.key(), b.key()) })
		v.Differences = slices.CompactFunc(v.Differences, func(a, b Difference) bool { return slices.Equal(a.key(), b.key()) })
		if fields := slices.Compact(slices.Sorted(slices.Values(c.incomplete))); fields != nil && v.Proof == string(extract.Complete) {
			v.Proof, v.Reason = string(extract.NotProved), incompleteItemsReason(fields)
		}
		out = append(out, v)
	}
	return out, nil
}

// everyRow is the way of a comparison that left nothing out.
const everyRow = "every row"

// comparedRowsText says which rows of a listing were compared.
func comparedRowsText(l *catalog.Listing, sample int, proof extract.Proof) string {
	switch {
	case sample == 0, l.Parent == "" && (proof.Total < 0 || proof.Distinct >= proof.Total):
		return everyRow
	case l.Parent == "":
		return fmt.Sprintf("totals, and the rows of up to %d ranges", sample)
	case proof.Parents < sample:
		return everyRow
	}
	return fmt.Sprintf("the rows of %d parents", proof.Parents)
}

func (d Difference) key() []string { return []string{d.Parent, d.ID, d.What} }

// comparingStore is a Store that compares what it is given and keeps nothing but
// the differences.
type comparingStore struct {
	*sink
	mu          sync.Mutex
	differences []Difference
	incomplete  []string // fields that items came without
}

// Checkpoints implements extract.Store: nothing is done yet.
func (c *comparingStore) Checkpoints(context.Context, *catalog.Listing) ([]extract.Checkpoint, error) {
	return nil, nil
}

// Put implements extract.Store. It believes no hash: values are compared.
func (c *comparingStore) Put(ctx context.Context, p extract.Chunk) error {
	read := c.a.stage.NewBatch(p.Listing)
	for _, item := range p.Items {
		if _, err := c.a.stage.AddItem(read, p.Parent, item.ID, item.Value, load.ItemHash{}, 0); err != nil {
			return err
		}
	}
	mismatches, err := withRetry(ctx, c.a.log, func() ([]load.Mismatch, error) { return c.a.stage.CompareBatch(ctx, c.a.pool, read, p.Parent) })
	if err != nil {
		return err
	}
	var found []Difference
	for _, m := range mismatches {
		if m.Missing {
			found = append(found, Difference{p.Listing.Name, p.Parent, m.ID, Missing, nil})
			continue
		}
		found = append(found, Difference{p.Listing.Name, p.Parent, m.ID, Changed, m.Columns})
	}
	for _, id := range p.Deleted {
		found = append(found, Difference{p.Listing.Name, p.Parent, id, Deleted, nil})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.differences = append(c.differences, found...)
	c.incomplete = append(c.incomplete, read.IncompleteFields()...)
	return nil
}
