package state

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// SaveCheckpoints notes chunks of a listing as done: checkpoints is a JSON array. It belongs in
// the transaction that stores their rows. sequence numbers that transaction;
// it returns false, and does nothing, if it has been committed already: a
// transaction whose answer was lost is repeated in vain.
func (r Run) SaveCheckpoints(ctx context.Context, db pgquery.Execer, listing string, sequence int64, checkpoints []byte) (first bool, err error) {
	tag, err := db.Exec(ctx, "insert into syncer.checkpoints (run_id, listing, sequence, chunks) values ($1, $2, $3, $4) on conflict do nothing",
		r.ID, listing, sequence, string(checkpoints))
	if err != nil {
		return false, fmt.Errorf("checkpoint chunks of %s: %w", listing, err)
	}
	return tag.RowsAffected() == 1, nil
}

// CountCheckpointsFromSequence returns how many calls of SaveCheckpoints with a sequence from the given one
// on the database has kept.
func (r Run) CountCheckpointsFromSequence(ctx context.Context, tx pgx.Tx, from int64) (int64, error) {
	return pgquery.Value[int64](ctx, tx, fmt.Sprintf("count the checkpoints of run %d", r.ID),
		"select count(*) from syncer.checkpoints where run_id = $1 and sequence >= $2", r.ID, from)
}

// Checkpoints returns the arrays of checkpoints of a listing in the order they were made.
func (r Run) Checkpoints(ctx context.Context, pool *pgxpool.Pool, listing string) ([][]byte, error) {
	return pgquery.Column[[]byte](ctx, pool, "read the checkpoints of "+listing,
		"select chunks::text from syncer.checkpoints where run_id = $1 and listing = $2 order by sequence", r.ID, listing)
}

// ClearCheckpoints removes the checkpoints of a run that is published or given up.
func ClearCheckpoints(ctx context.Context, db pgquery.Execer, run int64) error {
	return pgquery.Exec(ctx, db, fmt.Sprintf("clear the checkpoints of run %d", run), "delete from syncer.checkpoints where run_id = $1", run)
}
