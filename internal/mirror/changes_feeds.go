package mirror

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/sourcegraph/conc/pool"

	"logto-syncer/internal/changes"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/state"
)

// readFeeds reads the deliveries of the webhooks and the audit log from where the
// last run has ended, and collects what they point at.
func (c *changesRun) readFeeds(ctx context.Context) error {
	p := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	if position, ok := c.positions[logsSource]; ok && c.jobListing("users") != nil {
		p.Go(func(ctx context.Context) error { return c.readFeed(ctx, position, "/logs", logsReach) })
	}
	hooks := c.hookPositions()
	p.Go(func(ctx context.Context) error {
		for _, position := range hooks {
			if err := c.readHookFeed(ctx, position); err != nil {
				return err
			}
		}
		return nil
	})
	if err := p.Wait(); err != nil {
		return err
	}
	for listing, why := range c.targets.Unclear {
		c.doubt(listing, why)
	}
	return nil
}

// hookPositions returns the positions of the webhooks that are there, those that
// tell most first. Events that a webhook no longer delivers count no more until
// the next proof, whether or not they are delivered again.
func (c *changesRun) hookPositions() (positions []state.FeedPosition) {
	for source, position := range c.positions {
		if !strings.HasPrefix(source, hookSource) {
			continue
		}
		h, there := c.hooks[source]
		if !there && c.whole["hooks"] {
			c.gone = append(c.gone, source)
		}
		if !there {
			continue
		}
		before := len(position.Events)
		position.Events = slices.DeleteFunc(slices.Clone(position.Events), func(event string) bool {
			return !h.Enabled || !slices.Contains(h.Events, event)
		})
		if len(position.Events) < before { // noted even if it is not read
			c.narrowed[source] = true
		}
		positions = append(positions, position)
	}
	return sortByEventCount(positions)
}

// sortByEventCount sorts positions of webhooks, those that tell most first.
func sortByEventCount(positions []state.FeedPosition) []state.FeedPosition {
	slices.SortFunc(positions, func(a, b state.FeedPosition) int {
		return cmp.Or(cmp.Compare(len(b.Events), len(a.Events)), cmp.Compare(a.Source, b.Source))
	})
	return positions
}

// anyFollowedEventUntold reports whether any listing is followed by one of the events that is
// not told yet.
func anyFollowedEventUntold(events []string, told changes.IDSet) bool {
	for _, r := range changes.FollowRules() {
		for _, event := range r.Events {
			if _, already := told[event]; !already && slices.Contains(events, event) {
				return true
			}
		}
	}
	return false
}

// readHookFeed reads the deliveries of a webhook, unless others have told of all it
// tells of.
func (c *changesRun) readHookFeed(ctx context.Context, position state.FeedPosition) error {
	if !anyFollowedEventUntold(position.Events, c.told) {
		if c.narrowed[position.Source] {
			position.Events = slices.Clone(position.Events)
			c.moveTo(position)
		}
		return nil
	}
	id := strings.TrimPrefix(position.Source, hookSource)
	err := c.readFeed(ctx, position, "/hooks/"+url.PathEscape(id)+"/recent-logs", hookReach)
	if logto.IsNotFound(err) { // deleted just now
		return nil
	}
	for _, event := range position.Events {
		c.told[event] = struct{}{}
	}
	return err
}

// readFeed reads a feed from a little before its position, and skips what has
// been read already.
func (c *changesRun) readFeed(ctx context.Context, position state.FeedPosition, path string, reach time.Duration) error {
	seen := map[string]time.Time{}
	skip := make(map[string]bool, len(position.RecentIDs))
	for _, id := range position.RecentIDs {
		skip[id] = true
	}
	from := position.ReadUntil.Add(-feedOverlap).Truncate(time.Millisecond)
	reason, err := c.walker.ReadFeed(ctx, path, from, func(value jsontext.Value) {
		entry, err := changes.DecodeFeedEntry(value)
		if err == nil && entry.CreatedAt.Before(from) {
			return // on the page of others
		}
		switch {
		case err != nil:
			c.doubtFed(position, err.Error())
		case !skip[entry.ID]:
			if _, twice := seen[entry.ID]; !twice {
				c.addTarget(entry)
			}
		}
		if entry.ID != "" {
			seen[entry.ID] = entry.CreatedAt
		}
	})
	if err != nil {
		return err
	}
	if asked, ok := c.serverStartTime(); ok && asked.Sub(position.ReadUntil) > reach {
		reason = "what told of changes since " + position.ReadUntil.UTC().Format(time.RFC3339) + " may have been deleted"
	}
	if asked, ok := c.serverStartTime(); ok && asked.Before(position.ReadUntil.Add(-feedOverlap)) {
		reason = "the clock of the server was set back"
	}
	if reason != "" {
		c.doubtFed(position, reason)
	}
	position.RecentIDs = nil
	if asked, ok := c.serverStartTime(); ok {
		for id, at := range seen {
			if !at.Before(asked.Add(-feedOverlap)) {
				position.RecentIDs = append(position.RecentIDs, id)
			}
		}
	}
	slices.Sort(position.RecentIDs)
	position.ReadUntil = time.Time{} // until now, which is known at the end
	c.moveTo(position)
	return nil
}

// addTarget notes what an entry points at.
func (c *changesRun) addTarget(entry changes.FeedEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.targets.Add(entry)
}

// moveTo notes how far a source is read.
func (c *changesRun) moveTo(position state.FeedPosition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moved = append(c.moved, position)
}

// serverStartTime is when the run began to ask, by the server's clock: what it has read
// is at least as new. ok is false if no answer had a Date.
func (c *changesRun) serverStartTime() (at time.Time, ok bool) { return c.clock.at(c.began) }

// doubtFed notes that what a feed tells of cannot be followed further.
func (c *changesRun) doubtFed(position state.FeedPosition, why string) {
	if position.Source == logsSource {
		c.doubt("users", "the audit log: "+why)
		return
	}
	for _, r := range changes.FollowRules() {
		if slices.ContainsFunc(r.Events, func(event string) bool { return slices.Contains(position.Events, event) }) {
			c.doubt(r.Listing, "deliveries of the webhook: "+why)
		}
	}
}
