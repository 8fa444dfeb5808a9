package mirror

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/changes"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
	"logto-syncer/internal/state"
)

// publish merges what was read into the mirror, and moves what is followed and
// how far the sources are read, in one transaction.
func (c *changesRun) publish(ctx context.Context, s *Summary, began time.Time) error {
	done := *s
	_, err := withRetry(ctx, c.log, func() (struct{}, error) {
		return struct{}{}, c.inTrackedTx(ctx, func(tx pgx.Tx) error { return c.publishInTx(ctx, tx, &done, began) })
	})
	if err != nil {
		published, lookErr := c.wasPublished(ctx)
		if !published {
			return fmt.Errorf("publish run %d: %w", c.run.ID, errors.Join(err, lookErr))
		}
	}
	*s = done
	return nil
}

func (c *changesRun) publishInTx(ctx context.Context, tx pgx.Tx, s *Summary, began time.Time) error {
	how, err := c.preparePublishInTx(ctx, tx, c.proofs)
	if err != nil {
		return err
	}
	at := how.At
	if c.job.Guard != nil {
		how.Guard = c.guard
		if err := c.checkSameTenant(ctx, tx, c.proofs); err != nil {
			return err
		}
	}
	published, err := c.stage.Publish(ctx, tx, c.job.Listings, how)
	if err != nil {
		return err
	}
	if c.changedTables, err = c.stage.TablesToAnalyze(ctx, tx, c.sink.listingsEmptyInMirror()); err != nil {
		return err
	}
	if err := c.recordPublishedTables(ctx, tx, nil, at); err != nil {
		return err
	}
	followed, err := c.recordFollowed(ctx, tx, published)
	if err != nil {
		return err
	}
	if _, err := c.run.Finish(ctx, tx, state.Succeeded, at, nil, effortFrom(c.client.Stats(), time.Since(began))); err != nil {
		return err
	}
	if err := clearRun(ctx, tx, c.run.Tenant, c.run.ID); err != nil {
		return err
	}
	s.Status, s.PublishedAt, s.Followed, s.Changed = state.Succeeded, &at, followed, c.publishedChanges(published)
	return nil
}

// publishedChanges lists what was published.
func (c *changesRun) publishedChanges(published map[string]*load.ChangeCounts) []ListingChange {
	var out []ListingChange
	for _, l := range c.job.Listings {
		if p := published[l.Name]; p.Inserted+p.Updated+p.Deleted > 0 {
			out = append(out, ListingChange{Listing: l.Name, Inserted: p.Inserted, Updated: p.Updated, Deleted: p.Deleted})
		}
	}
	return out
}

// recordFollowed records up to when listings are followed, and how far the sources are
// read. If no answer has said what time it is at the server, nothing moves: the
// next run reads the same again.
func (c *changesRun) recordFollowed(ctx context.Context, tx pgx.Tx, published map[string]*load.ChangeCounts) ([]state.FollowedListing, error) {
	asked, ok := c.serverStartTime()
	if !ok {
		return nil, nil
	}
	for i, p := range c.moved {
		if p.ReadUntil.IsZero() {
			c.moved[i].ReadUntil = asked
		}
	}
	c.doubtIncompleteListings(published)
	var followed, written []state.FollowedListing
	for _, l := range c.job.Listings {
		f, moved, err := c.computeFollowedListing(ctx, tx, l, asked)
		if err != nil {
			return nil, err
		}
		if f.Gap != "" && !f.GapHeals {
			c.stuck[l.Name] = l.Name + ": " + f.Gap
		}
		if moved {
			written = append(written, f)
		}
		if f.Until != nil {
			followed = append(followed, f)
		}
	}
	return followed, c.run.RecordFollowed(ctx, tx, append(written, c.gapsOfOthers()...), c.moved, c.gone)
}

// gapsOfOthers returns gaps of the listings that the job does not read, and whose
// changes it was told of: nobody is told of them again.
func (c *changesRun) gapsOfOthers() (gaps []state.FollowedListing) {
	for _, name := range c.left {
		f, had := c.followed[name]
		if !c.targets.HasListing(name) || f.Gap != "" && !f.GapHeals {
			continue
		}
		if !had {
			base := c.sourcesReadUntil()
			f = state.FollowedListing{Listing: name, Until: &base, Sources: []string{}}
		}
		f.Gap, f.GapHeals = "a run of changes that does not read it was told of its changes", false
		gaps = append(gaps, f)
	}
	return gaps
}

// doubtIncompleteListings notes what could not be read or published as it is.
func (c *changesRun) doubtIncompleteListings(published map[string]*load.ChangeCounts) {
	for name, p := range c.proofs {
		if p.Outcome != extract.Complete {
			c.doubt(name, p.Reason)
		}
	}
	for _, l := range c.job.Listings {
		change := published[l.Name]
		if change.Incomplete != nil {
			c.doubt(l.Name, incompleteItemsReason(change.Incomplete))
		}
		for _, need := range l.Needs {
			if p := c.proofs[need]; change.Withheld > 0 && (p == nil || p.Outcome != extract.Complete) {
				c.doubt(l.Name, "rows are withheld that point at "+need)
			}
		}
	}
}

// computeFollowedListing says up to when a listing is followed. moved reports that there
// is something to record.
func (c *changesRun) computeFollowedListing(ctx context.Context, tx pgx.Tx, l *catalog.Listing, asked time.Time) (f state.FollowedListing, moved bool, err error) {
	rule, ok := changes.FollowRuleFor(l.Name)
	if !ok {
		return f, false, nil // nothing tells of it
	}
	f, had := c.followed[l.Name]
	f.Listing = l.Name
	told := c.sourcesOf(rule)
	if c.whole[l.Name] && c.doubts[l.Name] == "" {
		f.Sources, f.Gap, f.GapHeals, f.Until = append(told, changes.WholeList), "", false, &asked
		return f, true, nil
	}
	if told == nil && (!had || !slices.ContainsFunc(f.Sources, isFeedSource)) {
		return f, false, nil // it is read whole when its turn comes
	}
	if !had {
		base := c.sourcesReadUntil()
		f.Until = &base
	}
	if f.GapHeals {
		f.Gap, f.GapHeals = "", false
	}
	if f.Gap == "" {
		f.Gap = c.followObstacle(l, f.Sources, told)
	}
	if told != nil {
		f.Sources = told
	}
	if f.Gap == "" {
		if f.Gap, err = c.miscountReason(ctx, tx, l); err != nil {
			return f, false, err
		}
		f.GapHeals = f.Gap != ""
	}
	if until := asked.Add(-feedDelay); f.Gap == "" && until.After(*f.Until) {
		f.Until = &until
	}
	return f, true, nil
}

// followObstacle is why a listing that was followed by some sources cannot be
// followed further by those that tell of it now, until the next proof; empty:
// nothing is in the way.
func (c *changesRun) followObstacle(l *catalog.Listing, sources, told []string) string {
	if why := c.doubts[l.Name]; why != "" {
		return why
	}
	if told == nil || slices.Contains(sources, changes.HookEvents) && !slices.Contains(told, changes.HookEvents) {
		return "no webhook tells of it any more"
	}
	for _, need := range l.Needs { // what is gone there would have gone along here
		if c.jobListing(need) == nil {
			return need + " has not been proved yet"
		}
		if why := c.stuck[need]; why != "" {
			return why
		}
	}
	return ""
}

func isFeedSource(source string) bool {
	return source == changes.HookEvents || source == changes.AuditLog
}

// sourcesReadUntil is up to when the sources had been read before this run, for a
// listing that was not followed yet. It was proved then, or later.
func (c *changesRun) sourcesReadUntil() (at time.Time) {
	for _, moved := range c.moved {
		p := c.positions[moved.Source]
		if !strings.HasPrefix(moved.Source, listSource) && (at.IsZero() || p.ReadUntil.Before(at)) {
			at = p.ReadUntil
		}
	}
	return at
}

// sourcesOf returns what tells of a listing; nil: nothing does.
func (c *changesRun) sourcesOf(r changes.FollowRule) (sources []string) {
	hooked := len(r.Events) > 0 && !slices.ContainsFunc(r.Events, func(event string) bool {
		_, told := c.told[event]
		return !told
	})
	if hooked {
		sources = append(sources, changes.HookEvents)
	}
	_, logged := c.positions[logsSource]
	if r.Listing == "users" && logged {
		sources = append(sources, changes.AuditLog, changes.NewestUsers)
	}
	if _, counted := c.totals[r.Listing]; counted && sources != nil {
		sources = append(sources, changes.Count)
	}
	return sources
}

// miscountReason says how the number of items differs between the server, when it
// counted, and the mirror; empty: it does not, or the server did not count.
func (c *changesRun) miscountReason(ctx context.Context, tx pgx.Tx, l *catalog.Listing) (string, error) {
	total, counted := c.totals[l.Name]
	if !counted || total < 0 {
		return "", nil
	}
	n, err := c.stage.CountUpTo(ctx, tx, l, math.MaxInt32)
	switch {
	case err != nil || n == total:
		return "", err
	case n < total:
		return fmt.Sprintf("the server has %d more than the mirror", total-n), nil
	}
	return fmt.Sprintf("the mirror has %d more than the server", n-total), nil
}
