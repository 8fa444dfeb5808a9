package extract

import (
	"context"
	"math/rand/v2"
	"slices"

	"logto-syncer/internal/catalog"
)

// Verify compares a listing with the mirror and hands what it reads to the
// Store, which is to compare and not to keep it. With a sample of 0 it reads
// everything. Otherwise it compares totals, reads in full the prefixes in
// which they differ, and besides that as many randomly chosen ranges of ids,
// or parents, as the sample says. Lists that come in a request or two are
// always read in full.
func (w *Walker) Verify(ctx context.Context, l *catalog.Listing, sample int) (Proof, error) {
	afresh := *w
	afresh.Afresh = true
	if sample == 0 {
		return afresh.Walk(ctx, l)
	}
	k := &walk{Walker: &afresh, l: l, proof: initialProof(l), sample: sample}
	if l.Parent == "" {
		err := k.readParent(ctx, "")
		return k.proof, firstError(err, k.concludeUnknownListing(ctx))
	}
	parents, err := k.randomParents(ctx)
	if err != nil {
		return k.proof, err
	}
	p := k.newTaskGroup(ctx, "")
	for _, parent := range parents {
		p.Go(func(ctx context.Context) error { return k.readParent(ctx, parent) })
	}
	err = p.Wait()
	return k.proof, firstError(err, k.concludeUnknownListing(ctx))
}

// randomParents returns a random sample of the parents.
func (k *walk) randomParents(ctx context.Context) ([]string, error) {
	var all []string
	for after := ""; ; after = all[len(all)-1] {
		ids, err := k.Store.Parents(ctx, catalog.Find(k.l.Parent), k.l.ParentType, after, 1000)
		if err != nil {
			return nil, err
		}
		if len(ids) == 0 {
			break
		}
		all = append(all, ids...)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(len(all), k.sample)], nil
}

// spotCheckIDRanges reads a list that can be searched by id where its totals differ
// from the mirror's, and in some ranges chosen at random.
func (k *walk) spotCheckIDRanges(ctx context.Context, parent string) (readResult, error) {
	prefixes := everyID.divideEvenly(len(alphabet))
	totals, err := k.fetchRangeTotals(ctx, parent, prefixes)
	if err != nil {
		return readResult{}, err
	}
	var subranges []idRange
	known, whole := 0, 0
	for i, r := range prefixes {
		in, err := k.knownIn(ctx, parent, r)
		if err != nil {
			return readResult{}, err
		}
		known += len(in)
		whole += totals[i]
		if totals[i] != len(in) {
			subranges = append(subranges, r.divideOrKeep(k.idRangeCount(max(totals[i], len(in))))...)
		}
	}
	ranges := everyID.divideEvenly(k.idRangeCount(max(known, 1)))
	for _, i := range rand.Perm(len(ranges))[:min(len(ranges), k.sample)] {
		if !slices.ContainsFunc(subranges, func(r idRange) bool { return rangesOverlap(r, ranges[i]) }) {
			subranges = append(subranges, ranges[i])
		}
	}
	f, err := k.readIDRanges(ctx, &splitRead{parent: parent}, subranges)
	f.total = whole
	return f, err
}

// rangesOverlap reports whether two ranges have ids in common, or may have.
func rangesOverlap(a, b idRange) bool {
	if a.irregular > 0 || b.irregular > 0 {
		return a == b
	}
	depth := max(a.depth, b.depth)
	as, bs := prefixCountAtDepth(depth-a.depth), prefixCountAtDepth(depth-b.depth)
	return a.lo*as < b.hi*bs && b.lo*bs < a.hi*as
}
