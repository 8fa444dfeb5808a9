package state

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// NeverRequested is how long ago a tenant was asked that never was.
const NeverRequested = time.Duration(math.MaxInt64)

// BeginRequests notes that the caller, who holds the tenant's lock, is about to send it
// requests, and returns how long ago the last one before may have been sent: 0
// if who sent it did not say, since it died. The caller calls EndRequests when it has
// sent its last one.
func BeginRequests(ctx context.Context, pool *pgxpool.Pool, tenant, endpoint string) (ago time.Duration, err error) {
	var seconds *float64
	if err := pool.QueryRow(ctx, embeddedStatement("begin_requests"), tenant, endpoint).Scan(&seconds); err != nil {
		return 0, fmt.Errorf("note that %s is asked: %w", tenant, err)
	}
	if seconds == nil {
		return NeverRequested, nil
	}
	return max(0, time.Duration(*seconds*float64(time.Second))), nil
}

// EndRequests notes that the caller has sent the tenant its last request.
func EndRequests(ctx context.Context, pool *pgxpool.Pool, tenant string) error {
	const sql = "update syncer.tenants set last_request_at = clock_timestamp() where tenant_id = $1"
	if _, err := pool.Exec(ctx, sql, tenant); err != nil {
		return fmt.Errorf("note that %s has been asked: %w", tenant, err)
	}
	return nil
}
