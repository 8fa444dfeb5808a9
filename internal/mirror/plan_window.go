package mirror

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/state"
)

// estimateWindow estimates an append-only listing, which is read from where it is proved.
// A server that does not know start_time answers with its whole list: how much
// of that is new is known only by reading it.
func (p *planner) estimateWindow(ctx context.Context, l *catalog.Listing) (Estimate, error) {
	var until time.Time
	if p.known != nil {
		var err error
		if until, err = state.WindowProvedUntil(ctx, p.pool, p.job.Tenant, l.Name); err != nil {
			return Estimate{}, err
		}
	}
	since := url.Values{}
	if !until.IsZero() {
		since.Set("start_time", strconv.FormatInt(until.UnixMilli(), 10))
	}
	total, err := p.fetchTotal(ctx, l, since)
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{Listing: l.Name, Walk: l.Walk, Total: &total, Requests: 1}
	if total < perPage {
		return e, nil
	}
	e.Requests = 4 + total/perPage // a look, whether it is narrowed, the count, and pages to one that is not full
	ignored, err := p.fetchTotal(ctx, l, url.Values{"start_time": {"1"}, "end_time": {"2"}})
	if err != nil || ignored == 0 {
		return e, err
	}
	e.Note = "the server ignores start_time (Logto before 1.40): read newest first"
	if !until.IsZero() {
		e.Total, e.Requests, e.AtLeast = nil, 2, true
	}
	return e, nil
}
