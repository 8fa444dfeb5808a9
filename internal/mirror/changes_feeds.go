package mirror

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/changes"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/state"
)

// readFeeds reads the deliveries of the webhooks and the audit log from where the
// last run has ended, and collects what they point at.
func (c *changesRun) readFeeds(ctx context.Context) error {
	for _, source := range slices.Sorted(maps.Keys(c.positions)) {
		position := c.positions[source]
		var err error
		switch {
		case source == logsSource && c.listing("users") != nil:
			err = c.readFeed(ctx, position, "/logs", logsReach)
		case strings.HasPrefix(source, hookSource):
			err = c.readHook(ctx, position)
		}
		if err != nil {
			return err
		}
	}
	for listing, why := range c.targets.Unclear {
		c.doubt(listing, why)
	}
	return nil
}

// readHook reads the deliveries of a webhook. Events that it no longer delivers
// count no more until the next proof, whether or not they are delivered again.
func (c *changesRun) readHook(ctx context.Context, position state.FeedPosition) error {
	h, there := c.hooks[position.Source]
	if !there {
		if c.whole["hooks"] {
			c.gone = append(c.gone, position.Source)
		}
		return nil
	}
	position.Events = slices.DeleteFunc(slices.Clone(position.Events), func(event string) bool {
		return !h.enabled || !slices.Contains(h.events, event)
	})
	for _, event := range position.Events {
		c.told[event] = struct{}{}
	}
	err := c.readFeed(ctx, position, "/hooks/"+url.PathEscape(h.id)+"/recent-logs", hookReach)
	if logto.IsNotFound(err) { // deleted just now
		for _, event := range position.Events {
			delete(c.told, event)
		}
		return nil
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
		entry, err := changes.Decode(value)
		if err == nil && entry.CreatedAt.Before(from) {
			return // on the page of others
		}
		switch {
		case err != nil:
			c.doubtFed(position, err.Error())
		case !skip[entry.ID]:
			if _, twice := seen[entry.ID]; !twice {
				c.targets.Add(entry)
			}
		}
		if entry.ID != "" {
			seen[entry.ID] = entry.CreatedAt
		}
	})
	if err != nil {
		return err
	}
	if asked, ok := c.asked(); ok && asked.Sub(position.ReadUntil) > reach {
		reason = "what told of changes since " + position.ReadUntil.UTC().Format(time.RFC3339) + " may have been deleted"
	}
	if reason != "" {
		c.doubtFed(position, reason)
	}
	position.RecentIDs = nil
	if asked, ok := c.asked(); ok {
		for id, at := range seen {
			if !at.Before(asked.Add(-feedOverlap)) {
				position.RecentIDs = append(position.RecentIDs, id)
			}
		}
	}
	slices.Sort(position.RecentIDs)
	c.moved = append(c.moved, position)
	return nil
}

// asked is when the run began to ask, by the server's clock: what it has read
// is at least as new. ok is false if no answer had a Date.
func (c *changesRun) asked() (at time.Time, ok bool) { return c.clock.at(c.began) }

// doubtFed notes that what a feed tells of cannot be followed further.
func (c *changesRun) doubtFed(position state.FeedPosition, why string) {
	if position.Source == logsSource {
		c.doubt("users", "the audit log: "+why)
		return
	}
	for _, r := range changes.Rules() {
		if slices.ContainsFunc(r.Events, func(event string) bool { return slices.Contains(position.Events, event) }) {
			c.doubt(r.Listing, "deliveries of the webhook: "+why)
		}
	}
}
