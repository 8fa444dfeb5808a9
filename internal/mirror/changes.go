package mirror

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/changes"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/state"
)

// This file and the others named changes_ hold the runs between two proofs. Such
// a run asks what has changed, reads these items again by the walks there are,
// and publishes them as any run does. It proves nothing: it says up to when each
// listing is followed.

// narrowChangesJobOrYield narrows a job to the listings that have been proved, or yields
// to a run that is not finished: what that has staged is older than what a run of
// changes would publish before it.
func (r *Runner) narrowChangesJobOrYield(ctx context.Context, job *Job, s *Summary) error {
	s.Resumable = false
	unfinished, err := withRetry(ctx, r.Log, func() (int64, error) { return state.ResumableProvingRun(ctx, r.Pool, job.Tenant, job.ResumeWithin) })
	if err != nil {
		return err
	}
	if unfinished > 0 {
		s.Status, s.YieldsTo = state.Yielded, fmt.Sprintf("run %d is not finished and will be resumed", unfinished)
		return nil
	}
	proved, err := withRetry(ctx, r.Log, func() (map[string]bool, error) { return state.EverProvedListings(ctx, r.Pool, job.Tenant) })
	if err != nil {
		return err
	}
	job.Listings = slices.DeleteFunc(slices.Clone(job.Listings), func(l *catalog.Listing) bool { return !proved[l.Name] })
	if len(job.Listings) == 0 {
		return ErrNoProof
	}
	job.Afresh, job.Retention = false, 0 // history is pruned by the proofs
	return nil
}

// changesRun is the reading of one run of changes.
type changesRun struct {
	*attempt
	followed  map[string]state.FollowedListing
	positions map[string]state.FeedPosition
	proofs    map[string]*extract.Proof // outcomes of what was read
	began     time.Time
	told      changes.IDSet      // events that webhooks have told of without a break
	hooks     map[string]webhook // by source
	targets   *changes.Targets
	totals    map[string]int    // counts of the server, by listing
	whole     map[string]bool   // listings that were read whole
	doubts    map[string]string // why a listing cannot be followed further, until it is proved
	stuck     map[string]string // gaps that only a proof closes, by listing
	moved     []state.FeedPosition
	narrowed  map[string]bool // webhooks that deliver less than they did, by source
	gone      []string        // sources that are no more
	left      []string        // listings that are proved, and that the job does not read
	mu        sync.Mutex
}

// attemptChanges reads what changed and publishes it.
func (a *attempt) attemptChanges(ctx context.Context, s *Summary, began time.Time) error {
	s.Resumable = false
	cleanup, endCleanup := cleanupContext(ctx)
	defer endCleanup()
	c, err := a.openChanges(ctx)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{c.readHookListing, c.readFeeds, c.readTargets, c.readNewestUsers, c.readNextInRotation} {
		if err := step(ctx); err != nil {
			return errors.Join(err, a.sink.flush(cleanup))
		}
	}
	a.keepIDBatchLimit(cleanup)
	if err := a.fetchReferences(ctx, c.proofs); err != nil {
		return err
	}
	return c.publish(ctx, s, began)
}

// openChanges reads from where on changes are to be read.
func (a *attempt) openChanges(ctx context.Context) (*changesRun, error) {
	c := &changesRun{
		attempt: a, began: time.Now(), told: changes.IDSet{}, proofs: map[string]*extract.Proof{}, hooks: map[string]webhook{}, targets: changes.NewTargets(), totals: map[string]int{},
		whole: map[string]bool{}, doubts: map[string]string{}, stuck: map[string]string{}, narrowed: map[string]bool{},
	}
	for _, l := range a.job.Listings {
		c.proofs[l.Name] = extract.NewInitialProof(l)
	}
	var err error
	if c.followed, err = state.FollowedListings(ctx, a.pool, a.job.Tenant); err != nil {
		return nil, err
	}
	if c.positions, err = state.FeedPositions(ctx, a.pool, a.job.Tenant); err != nil {
		return nil, err
	}
	proved, err := state.EverProvedListings(ctx, a.pool, a.job.Tenant)
	for _, r := range changes.FollowRules() {
		if proved[r.Listing] && c.proofs[r.Listing] == nil {
			c.left = append(c.left, r.Listing)
		}
	}
	return c, err
}

// doubt notes why a listing cannot be followed further, the first reason.
func (c *changesRun) doubt(listing, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if why != "" && c.doubts[listing] == "" {
		c.doubts[listing] = why
	}
}

// eventsOfUnsettledListings returns the events of listings that are not among the settled ones:
// what they told before a run that settles those is still to be read.
func eventsOfUnsettledListings(settled []string) (events []string) {
	for _, r := range changes.FollowRules() {
		if !slices.Contains(settled, r.Listing) {
			events = append(events, r.Events...)
		}
	}
	return events
}

// followProved moves what is followed to the proofs of a run.
func (a *attempt) followProved(ctx context.Context, tx pgx.Tx, certificates []state.Certificate) error {
	now, ok := a.clock.at(time.Now())
	if !ok {
		return nil // nothing was asked for
	}
	var proved, settled []string
	for _, c := range certificates {
		if c.Proof == string(extract.Complete) {
			proved = append(proved, c.Listing)
		}
		if c.Proof == string(extract.Complete) || c.Proof == string(extract.Unknown) {
			settled = append(settled, c.Listing)
		}
	}
	began, _ := a.clock.at(a.began)
	return a.run.FollowProved(ctx, tx, state.FollowProvedParams{Now: now, Began: began, Listings: proved, UnsettledEvents: eventsOfUnsettledListings(settled)})
}
