package state

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// A Certificate is what a published run proved of one listing; see the
// comments of syncer.certificates.
type Certificate struct {
	Listing   string         `json:"listing" db:"listing"`
	Walk      string         `json:"walk" db:"walk"`
	Parents   int            `json:"parents" db:"parents"`
	Total     *int           `json:"total" db:"total"`
	Distinct  int            `json:"distinct" db:"distinct_ids"`
	Requests  int            `json:"requests" db:"requests"`
	Inserted  int64          `json:"inserted" db:"inserted"`
	Updated   int64          `json:"updated" db:"updated"`
	Deleted   int64          `json:"deleted" db:"deleted"`
	Unchanged int64          `json:"unchanged" db:"unchanged"`
	Proof     string         `json:"proof" db:"proof"`
	Reason    string         `json:"reason,omitempty" db:"reason"`
	Notes     map[string]int `json:"notes,omitempty" db:"notes"`
	ReadAt    time.Time      `json:"read_at" db:"read_at"`
}

// Certify writes the certificates of a run. They come last in the transaction
// that publishes it: where a certificate is, all it tells of is.
func (r Run) Certify(ctx context.Context, tx pgx.Tx, certificates []Certificate) error {
	batch := &pgx.Batch{}
	for _, c := range certificates {
		if len(c.Notes) == 0 {
			c.Notes = nil // null, not an empty object
		}
		batch.Queue(embeddedStatement("certify"), r.ID, r.Tenant, c.Listing, c.Walk, c.Parents, c.Total, c.Distinct, c.Requests,
			c.Inserted, c.Updated, c.Deleted, c.Unchanged, c.Proof, storableText(c.Reason), c.Notes, c.ReadAt)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write the certificates of run %d: %w", r.ID, err)
	}
	return nil
}

// WasReadBefore reports whether a published run has read a listing, and has asked the
// server for it: to its proof, or at least some items. One without parents is
// complete without a request.
func WasReadBefore(ctx context.Context, pool *pgxpool.Pool, tenant, listing string) (bool, error) {
	const sql = `select exists (
    select from syncer.certificates where tenant_id = $1 and listing = $2 and requests > 0 and (proof = 'complete' or distinct_ids > 0)
)`
	return pgquery.Value[bool](ctx, pool, "look for a certificate of "+listing, sql, tenant, listing)
}
