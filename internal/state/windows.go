package state

import (
	"context"
	"time"

	"logto-syncer/internal/pgquery"
)

// WindowProvedUntil returns up to when a tenant's append-only listing is proved, by
// the server's clock; zero: it never was.
func WindowProvedUntil(ctx context.Context, db pgquery.Queryer, tenant, listing string) (time.Time, error) {
	until, err := pgquery.Value[*time.Time](ctx, db, "look up to when "+listing+" is proved",
		"select max(proved_until) from syncer.windows where tenant_id = $1 and listing = $2", tenant, listing)
	if until == nil {
		return time.Time{}, err
	}
	return *until, nil
}

// SetWindowProvedUntil records up to when the run has proved an append-only listing.
// It belongs in the transaction that publishes the run.
func (r Run) SetWindowProvedUntil(ctx context.Context, db pgquery.Execer, listing string, until time.Time) error {
	return pgquery.Exec(ctx, db, "record up to when "+listing+" is proved", `insert into syncer.windows (tenant_id, listing, proved_until) values ($1, $2, $3)
on conflict (tenant_id, listing) do update set proved_until = excluded.proved_until`, r.Tenant, listing, until)
}

// ReopenWindow makes the next run read a tenant's append-only listing again from
// a moment on.
func ReopenWindow(ctx context.Context, db pgquery.Execer, tenant, listing string, from time.Time) error {
	const sql = "update syncer.windows set proved_until = least(proved_until, $3) where tenant_id = $1 and listing = $2"
	return pgquery.Exec(ctx, db, "reopen the window of "+listing, sql, tenant, listing, from)
}
