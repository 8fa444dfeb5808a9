package state

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// TakeTurn says how long the holder of a tenant's lock has to wait before its
// first request. The limiter in a process knows nothing of the run before,
// which may have been on another machine and asked as often as it may a moment
// ago: so each rests as long as the limit's window is, counted from when the
// last one ended. Who takes a turn ends it with EndTurn.
func TakeTurn(ctx context.Context, pool *pgxpool.Pool, tenant string, rest time.Duration) (wait time.Duration, err error) {
	var seconds float64
	if err := pool.QueryRow(ctx, query("turn"), tenant, rest.Seconds()).Scan(&seconds); err != nil {
		return 0, fmt.Errorf("take the turn of %s: %w", tenant, err)
	}
	return min(rest, time.Duration(seconds*float64(time.Second))), nil
}

// EndTurn notes that no more requests are coming. Where it was not called, the
// next run rests a whole window from when it comes.
func EndTurn(ctx context.Context, pool *pgxpool.Pool, tenant string) error {
	if _, err := pool.Exec(ctx, query("turn_over"), tenant); err != nil {
		return fmt.Errorf("end the turn of %s: %w", tenant, err)
	}
	return nil
}
