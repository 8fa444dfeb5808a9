package state

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// A LearnedIDBatchLimit is how large a request to a tenant may be, by what a proxy before
// it has refused; see the columns of syncer.tenants. The zero value is none.
type LearnedIDBatchLimit struct {
	Tenant      string    `db:"tenant_id"`
	HeaderBytes int       `db:"response_header_limit"`
	IDs         int       `db:"ids_per_request"`
	Status      int       `db:"request_limit_status"`
	FoundAt     time.Time `db:"request_limit_found_at"`
}

// LearnedIDBatchLimits returns the limits that are known, by tenant.
func LearnedIDBatchLimits(ctx context.Context, pool *pgxpool.Pool) (map[string]LearnedIDBatchLimit, error) {
	const sql = `select tenant_id, response_header_limit, ids_per_request, request_limit_status, request_limit_found_at
from report.tenants where response_header_limit is not null`
	limits, err := pgquery.Rows(ctx, pool, "read how large requests may be", pgx.RowToStructByName[LearnedIDBatchLimit], sql)
	if err != nil {
		return nil, err
	}
	byTenant := make(map[string]LearnedIDBatchLimit, len(limits))
	for _, l := range limits {
		byTenant[l.Tenant] = l
	}
	return byTenant, nil
}

// SetLearnedIDBatchLimit keeps the limit of a tenant; the zero IDBatchLimit is that
// there is none.
func SetLearnedIDBatchLimit(ctx context.Context, pool *pgxpool.Pool, l LearnedIDBatchLimit) error {
	const sql = `update syncer.tenants set response_header_limit = nullif($2, 0), ids_per_request = nullif($3, 0),
    request_limit_status = nullif($4, 0), request_limit_found_at = case when $2 > 0 then $5::timestamptz end
where tenant_id = $1`
	return pgquery.Exec(ctx, pool, "keep how large requests to "+l.Tenant+" may be", sql, l.Tenant, l.HeaderBytes, l.IDs, l.Status, l.FoundAt)
}
