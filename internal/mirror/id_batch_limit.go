package mirror

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/state"
)

// An IDBatchLimitReport is how large a request to a tenant may be, as a proxy before it
// was found to have it.
type IDBatchLimitReport struct {
	// IDs is how many ids a request named that was let through.
	IDs int `json:"ids"`
	// Status is what the proxy answered to a larger one.
	Status int `json:"status"`
	// Text says what limits and what would help.
	Text string `json:"text"`
}

// NewIDBatchLimitReport describes a limit; nil for none.
func NewIDBatchLimitReport(ids, status int) *IDBatchLimitReport {
	if ids == 0 {
		return nil
	}
	limits, remedy := "response headers", "nginx: proxy_buffer_size 16k"
	switch status {
	case 414:
		limits, remedy = "the length of URLs", "nginx: large_client_header_buffers 4 16k"
	case 431:
		limits, remedy = "request headers", "nginx: large_client_header_buffers 4 16k"
	}
	number := "1 id"
	if ids > 1 {
		number = fmt.Sprintf("%d ids", ids)
	}
	return &IDBatchLimitReport{IDs: ids, Status: status, Text: fmt.Sprintf("a proxy limits %s; %s a request; %s", limits, number, remedy)}
}

// openIDBatchSizer returns how large requests to a tenant may be, and the limit
// that is kept of it. One that is old is not believed.
func openIDBatchSizer(ctx context.Context, pool *pgxpool.Pool, tenant string) (*extract.IDBatchSizer, extract.IDBatchLimit, error) {
	limits, err := state.LearnedIDBatchLimits(ctx, pool)
	if err != nil {
		return nil, extract.IDBatchLimit{}, err
	}
	l := limits[tenant]
	kept := extract.IDBatchLimit{HeaderBytes: l.HeaderBytes, IDs: l.IDs, Status: l.Status, FoundAt: l.FoundAt}
	believed := kept
	if !kept.ValidAt(time.Now()) {
		believed = extract.IDBatchLimit{}
	}
	return extract.NewIDBatchSizer(believed), kept, nil
}

// keepIDBatchLimit keeps what the walks have found out. If it cannot, the next
// run finds it out again.
func (a *attempt) keepIDBatchLimit(ctx context.Context) {
	l := a.walker.IDBatchSizer.Limit()
	if l == a.keptLimit {
		return
	}
	err := state.SetLearnedIDBatchLimit(ctx, a.pool, state.LearnedIDBatchLimit{
		Tenant: a.job.Tenant, HeaderBytes: l.HeaderBytes, IDs: l.IDs, Status: l.Status, FoundAt: l.FoundAt,
	})
	if err != nil {
		a.log.WarnContext(ctx, "cannot keep the size limit of requests", "tenant", a.job.Tenant, "error", err)
		return
	}
	a.keptLimit = l
	if l.HeaderBytes == 0 {
		a.log.InfoContext(ctx, "no proxy limits the size of requests any more", "tenant", a.job.Tenant)
		return
	}
	a.log.WarnContext(ctx, "a proxy limits the size of requests", "tenant", a.job.Tenant, "ids", l.IDs, "status", l.Status, "header_bytes", l.HeaderBytes)
}
