package state

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// NeverRequested is how long ago a tenant was asked that never was.
const NeverRequested = time.Duration(math.MaxInt64)

// BeginRequests notes that the caller, who holds the tenant's lock, is about to send it
// requests, and returns how long ago the last one before may have been sent: 0
// if who sent it did not say, since it died. The caller calls EndRequests when it has
// sent its last one.
func BeginRequests(ctx context.Context, pool *pgxpool.Pool, tenant, endpoint string) (ago time.Duration, err error) {
	seconds, err := pgquery.Value[*float64](ctx, pool, "note that "+tenant+" is asked", embeddedStatement("begin_requests"), tenant, endpoint)
	switch {
	case err != nil:
		return 0, err
	case seconds == nil:
		return NeverRequested, nil
	}
	return max(0, time.Duration(*seconds*float64(time.Second))), nil
}

// EndRequests notes that the caller has sent the tenant its last request.
func EndRequests(ctx context.Context, pool *pgxpool.Pool, tenant string) error {
	return pgquery.Exec(ctx, pool, "note that "+tenant+" has been asked",
		"update syncer.tenants set last_request_at = clock_timestamp() where tenant_id = $1", tenant)
}
