package mirror

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/changes"
	"logto-syncer/internal/state"
)

// estimateChanges estimates a run of changes: it asks each source how much there is to
// be read, but not what that points at, which takes a request a hundred items.
func (p *planner) estimateChanges(ctx context.Context) ([]Estimate, error) {
	if p.pool == nil {
		return nil, ErrNoProof
	}
	proved, err := state.EverProvedListings(ctx, p.pool, p.job.Tenant)
	if err != nil {
		return nil, err
	}
	has := func(name string) bool {
		return proved[name] && slices.ContainsFunc(p.job.Listings, func(l *catalog.Listing) bool { return l.Name == name })
	}
	if !slices.ContainsFunc(p.job.Listings, func(l *catalog.Listing) bool { return proved[l.Name] }) {
		return nil, ErrNoProof
	}
	var out []Estimate
	if has("hooks") {
		out = append(out, Estimate{Listing: "hooks", Walk: catalog.Whole, Requests: 1})
	}
	positions, err := state.FeedPositions(ctx, p.pool, p.job.Tenant)
	if err != nil {
		return nil, err
	}
	for _, position := range p.feedsToRead(positions, has) {
		path := "/logs"
		if id, hooked := strings.CutPrefix(position.Source, hookSource); hooked {
			path = "/hooks/" + url.PathEscape(id) + "/recent-logs"
		}
		e, err := p.estimateFeed(ctx, path, position)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	if has("users") {
		out = append(out, Estimate{Listing: "users", Walk: catalog.Split, Requests: 1, AtLeast: true, Note: "newest, and those that changed"})
	}
	return append(out, Estimate{Listing: "lists in turn", Walk: catalog.Whole, Requests: 1, AtLeast: true, Note: "one a run, and what below it changed"}), nil
}

// feedsToRead returns the positions of the feeds that a run of changes would read.
func (p *planner) feedsToRead(positions map[string]state.FeedPosition, has func(listing string) bool) (out []state.FeedPosition) {
	if logs, ok := positions[logsSource]; ok && has("users") {
		out = append(out, logs)
	}
	var hooks []state.FeedPosition
	for source, position := range positions {
		if strings.HasPrefix(source, hookSource) && has("hooks") {
			hooks = append(hooks, position)
		}
	}
	told := changes.IDSet{}
	for _, position := range sortByEventCount(hooks) {
		if !anyFollowedEventUntold(position.Events, told) {
			continue
		}
		for _, event := range position.Events {
			told[event] = struct{}{}
		}
		out = append(out, position)
	}
	return out
}

// estimateFeed estimates what there is to be read of a feed.
func (p *planner) estimateFeed(ctx context.Context, path string, position state.FeedPosition) (Estimate, error) {
	query := url.Values{"page": {"1"}, "page_size": {"1"}, "start_time": {strconv.FormatInt(position.ReadUntil.Add(-feedOverlap).UnixMilli(), 10)}}
	page, err := p.api.List(ctx, path, query)
	if err != nil {
		return Estimate{}, fmt.Errorf("ask how long the log %s is: %w", position.Source, err)
	}
	e := Estimate{Listing: position.Source, Walk: catalog.Window, Requests: 1, AtLeast: page.Total < 0}
	if page.Total >= 0 {
		e.Total, e.Requests = &page.Total, 1+page.Total/perPage
	}
	return e, nil
}
