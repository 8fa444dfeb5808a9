package state

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Never is how long ago a tenant was asked that never was.
const Never = time.Duration(math.MaxInt64)

// Ask notes that the caller, who holds the tenant's lock, is about to send it
// requests, and returns how long ago the last one before may have been sent: 0
// if who sent it did not say, since it died. The caller calls Asked when it has
// sent its last one.
func Ask(ctx context.Context, pool *pgxpool.Pool, tenant, endpoint string) (ago time.Duration, err error) {
	var seconds *float64
	if err := pool.QueryRow(ctx, query("ask"), tenant, endpoint).Scan(&seconds); err != nil {
		return 0, fmt.Errorf("note that %s is asked: %w", tenant, err)
	}
	if seconds == nil {
		return Never, nil
	}
	return max(0, time.Duration(*seconds*float64(time.Second))), nil
}

// Asked notes that the caller has sent the tenant its last request.
func Asked(ctx context.Context, pool *pgxpool.Pool, tenant string) error {
	const sql = "update syncer.tenants set asked_at = clock_timestamp() where tenant_id = $1"
	if _, err := pool.Exec(ctx, sql, tenant); err != nil {
		return fmt.Errorf("note that %s has been asked: %w", tenant, err)
	}
	return nil
}
