package state

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Certificate is what a published run proved of one listing; see the
// comments of syncer.certificates.
type Certificate struct {
	Listing   string         `json:"listing"`
	Walk      string         `json:"walk"`
	Parents   int            `json:"parents"`
	Total     *int           `json:"total"`
	Distinct  int            `json:"distinct"`
	Requests  int            `json:"requests"`
	Inserted  int64          `json:"inserted"`
	Updated   int64          `json:"updated"`
	Deleted   int64          `json:"deleted"`
	Unchanged int64          `json:"unchanged"`
	Proof     string         `json:"proof"`
	Reason    string         `json:"reason,omitempty"`
	Notes     map[string]int `json:"notes,omitempty"`
	ReadAt    time.Time      `json:"read_at"`
}

// Certify writes the certificates of a run. They come last in the transaction
// that publishes it: where a certificate is, all it tells of is.
func (r Run) Certify(ctx context.Context, tx pgx.Tx, certificates []Certificate) error {
	batch := &pgx.Batch{}
	for _, c := range certificates {
		if len(c.Notes) == 0 {
			c.Notes = nil // null, not an empty object
		}
		notes, err := json.Marshal(c.Notes)
		if err != nil {
			return fmt.Errorf("encode the notes on %s: %w", c.Listing, err)
		}
		batch.Queue(embeddedStatement("certify"), r.ID, r.Tenant, c.Listing, c.Walk, c.Parents, c.Total, c.Distinct, c.Requests,
			c.Inserted, c.Updated, c.Deleted, c.Unchanged, c.Proof, storableText(c.Reason), string(notes), c.ReadAt)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write the certificates of run %d: %w", r.ID, err)
	}
	return nil
}

// WasReadBefore reports whether a published run has read a listing, and has asked the
// server for it: to its proof, or at least some items. One without parents is
// complete without a request.
func WasReadBefore(ctx context.Context, pool *pgxpool.Pool, tenant, listing string) (found bool, err error) {
	const sql = `select exists (
    select from syncer.certificates where tenant_id = $1 and listing = $2 and requests > 0 and (proof = 'complete' or distinct_ids > 0)
)`
	if err := pool.QueryRow(ctx, sql, tenant, listing).Scan(&found); err != nil {
		return false, fmt.Errorf("look for a certificate of %s: %w", listing, err)
	}
	return found, nil
}
