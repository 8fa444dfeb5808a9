package mirror

import (
	"context"
	"net/url"
	"sync"
	"time"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
)

// serverClock knows what time it is at the server, from the answers that pass
// through it. It is safe for concurrent use.
type serverClock struct {
	extract.API

	mu     sync.Mutex
	known  bool
	offset time.Duration // of the server's clock, at least
}

// List implements extract.API.
func (c *serverClock) List(ctx context.Context, path string, query url.Values) (logto.Page, error) {
	page, err := c.API.List(ctx, path, query)
	c.observe(page)
	return page, err
}

// ListOnce implements extract.API.
func (c *serverClock) ListOnce(ctx context.Context, path string, query url.Values) (logto.Page, error) {
	page, err := c.API.ListOnce(ctx, path, query)
	c.observe(page)
	return page, err
}

// observe learns from the Date of an answer, which is of a moment before now and
// lacks the fraction of a second: what it takes for the offset is too small
// rather than too large, and so is now.
func (c *serverClock) observe(page logto.Page) {
	if page.Date.IsZero() {
		return
	}
	offset := time.Until(page.Date)
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known || offset < c.offset {
		c.known, c.offset = true, offset
	}
}

// at returns what time it was at the server at a moment, or a little earlier; ok
// is false as long as no answer has said it.
func (c *serverClock) at(local time.Time) (server time.Time, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return local.Add(c.offset), c.known
}
