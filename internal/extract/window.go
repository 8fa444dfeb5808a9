package extract

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"logto-syncer/internal/catalog"
)

const (
	// windowOverlap is how far a window reaches back behind the newest row: rows are
	// written when what they tell of has ended, not in its order.
	windowOverlap = 5 * time.Minute
	// windowSettle is how long before now a window ends. By then its rows are
	// committed, and it does not change any more.
	windowSettle = time.Minute
)

// readWindow reads an append-only list from a little before the newest row the
// mirror has. Such a window is frozen, so its pages do not drift.
func (k *walk) readWindow(ctx context.Context) (readResult, error) {
	latest, err := k.Mirror.Latest(ctx, k.l)
	if err != nil {
		return readResult{}, err
	}
	var from, to int64 // milliseconds
	if m, ok := k.checkpoint("", "window"); ok && len(m.IDs) == 2 {
		from, _ = strconv.ParseInt(m.IDs[0], 10, 64)
		to, _ = strconv.ParseInt(m.IDs[1], 10, 64)
	} else {
		if !latest.IsZero() && !k.Afresh {
			from = latest.Add(-windowOverlap).UnixMilli()
		}
		to = time.Now().Add(-windowSettle).UnixMilli()
		bounds := []string{strconv.FormatInt(from, 10), strconv.FormatInt(to, 10)}
		if err := k.putChunk(ctx, Chunk{Listing: k.l, Checkpoint: Checkpoint{Name: "window", IDs: bounds}}, 0); err != nil {
			return readResult{}, err
		}
	}
	k.bounds = url.Values{
		"start_time": {strconv.FormatInt(from, 10)}, "end_time": {strconv.FormatInt(to, 10)},
	}
	f, err := k.readPages(ctx, "", everyID)
	f.walk = catalog.Window
	return f, err
}
