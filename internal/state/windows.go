package state

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// RowQueryer is a pool, a connection or a transaction.
type RowQueryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// WindowProvedUntil returns up to when a tenant's append-only listing is proved, by
// the server's clock; zero: it never was.
func WindowProvedUntil(ctx context.Context, db RowQueryer, tenant, listing string) (time.Time, error) {
	var until *time.Time
	err := db.QueryRow(ctx, "select max(proved_until) from syncer.windows where tenant_id = $1 and listing = $2", tenant, listing).Scan(&until)
	if err != nil {
		return time.Time{}, fmt.Errorf("look up to when %s is proved: %w", listing, err)
	}
	if until == nil {
		return time.Time{}, nil
	}
	return *until, nil
}

// SetWindowProvedUntil records up to when the run has proved an append-only listing.
// It belongs in the transaction that publishes the run.
func (r Run) SetWindowProvedUntil(ctx context.Context, db Execer, listing string, until time.Time) error {
	_, err := db.Exec(ctx, `insert into syncer.windows (tenant_id, listing, proved_until) values ($1, $2, $3)
on conflict (tenant_id, listing) do update set proved_until = excluded.proved_until`, r.Tenant, listing, until)
	if err != nil {
		return fmt.Errorf("record up to when %s is proved: %w", listing, err)
	}
	return nil
}

// ReopenWindow makes the next run read a tenant's append-only listing again from
// a moment on.
func ReopenWindow(ctx context.Context, db Execer, tenant, listing string, from time.Time) error {
	const sql = "update syncer.windows set proved_until = least(proved_until, $3) where tenant_id = $1 and listing = $2"
	if _, err := db.Exec(ctx, sql, tenant, listing, from); err != nil {
		return fmt.Errorf("reopen the window of %s: %w", listing, err)
	}
	return nil
}
