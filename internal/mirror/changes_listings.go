package mirror

import (
	"context"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/changes"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/state"
)

const (
	// feedOverlap is how far before its position a feed is read again: entries are
	// committed later than they are dated.
	feedOverlap = 2 * time.Minute
	// feedDelay is how long after a change its entry may come: a delivery is
	// logged when it has ended.
	feedDelay = 30 * time.Second
	// hookReach and logsReach are how far back deliveries and the audit log are
	// certain to reach. Before Logto 1.40, deliveries of the last day alone are
	// listed; Logto Cloud keeps entries for some days.
	hookReach = 24 * time.Hour
	logsReach = 3 * 24 * time.Hour
	// logsSource is the source of the audit log.
	logsSource = "logs"
	hookSource = "hook:"
	listSource = "list:"
)

// webhook is a webhook as the server has it now.
type webhook struct {
	id string
	changes.Hook
}

// readHookListing reads the webhooks, whole, for what they deliver now.
func (c *changesRun) readHookListing(ctx context.Context) error {
	l := c.jobListing("hooks")
	if l == nil {
		return nil
	}
	w := *c.walker
	store := &recordingStore{Store: c.sink, listing: l.Name}
	w.Store = store
	proof, err := w.Walk(ctx, l)
	if err != nil {
		return err
	}
	c.recordWholeRead(&proof)
	for id, value := range store.seen {
		if h, err := changes.DecodeHookItem(value); err == nil {
			c.hooks[hookSource+id] = webhook{id, h}
		}
	}
	return nil
}

// recordingStore remembers the items of one listing that pass through it.
type recordingStore struct {
	extract.Store
	listing string
	seen    map[string]jsontext.Value
}

// Put implements extract.Store.
func (s *recordingStore) Put(ctx context.Context, p extract.Chunk) error {
	for _, item := range p.Items {
		if s.seen == nil {
			s.seen = map[string]jsontext.Value{}
		}
		s.seen[item.ID] = slices.Clone(item.Value)
	}
	return s.Store.Put(ctx, p)
}

// jobListing returns a listing of the job; nil: it is not one.
func (c *changesRun) jobListing(name string) *catalog.Listing {
	if c.proofs[name] == nil {
		return nil
	}
	return c.proofs[name].Listing
}

// recordWholeRead takes over what reading a whole list has come to.
func (c *changesRun) recordWholeRead(p *extract.Proof) {
	name := p.Listing.Name
	c.proofs[name] = p
	c.whole[name] = p.Outcome == extract.Complete
}

// readNewestUsers reads the newest users, and how many there are.
func (c *changesRun) readNewestUsers(ctx context.Context) error {
	if c.jobListing("users") == nil {
		return nil
	}
	total, err := c.walker.ReadNewest(ctx, c.proofs["users"])
	c.totals["users"] = total
	return err
}

// fitsPage is how many items a paged list may have, as far as the mirror knows,
// to be read whole in one request.
const fitsPage = 80

// readNextInRotation reads one of the lists that come whole, or counts one that does
// not: the one whose turn was longest ago.
func (c *changesRun) readNextInRotation(ctx context.Context) error {
	var next *catalog.Listing
	for _, r := range changes.FollowRules() {
		l := c.jobListing(r.Listing)
		if l == nil || l.Parent != "" || l.Name == "users" || c.whole[l.Name] {
			continue
		}
		if next == nil || c.lastTurn(l).Before(c.lastTurn(next)) {
			next = l
		}
	}
	if next == nil {
		return nil
	}
	return c.readTurn(ctx, next)
}

// readTurn reads a list whose turn it is.
func (c *changesRun) readTurn(ctx context.Context, l *catalog.Listing) error {
	c.moved = append(c.moved, state.FeedPosition{Source: listSource + l.Name})
	if l.Walk != catalog.Whole {
		n, err := c.sink.CountBelowParent(ctx, l, "")
		if err != nil {
			return err
		}
		if rule, _ := changes.FollowRuleFor(l.Name); !rule.Whole || n > fitsPage {
			total, err := c.walker.Count(ctx, c.proofs[l.Name])
			c.totals[l.Name] = total
			return err
		}
	}
	proof, err := c.walker.Walk(ctx, l)
	if err != nil {
		return err
	}
	c.recordWholeRead(&proof)
	return nil
}

// lastTurn is when a list was last read in rotation; zero: it never was.
func (c *changesRun) lastTurn(l *catalog.Listing) time.Time {
	return c.positions[listSource+l.Name].ReadUntil
}
