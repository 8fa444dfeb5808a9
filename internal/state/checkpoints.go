package state

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Execer is a pool, a connection or a transaction.
type Execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// SaveCheckpoints notes chunks of a listing as done: checkpoints is a JSON array. It belongs in
// the transaction that stores their rows. sequence numbers that transaction;
// it returns false, and does nothing, if it has been committed already: a
// transaction whose answer was lost is repeated in vain.
func (r Run) SaveCheckpoints(ctx context.Context, db Execer, listing string, sequence int64, checkpoints []byte) (first bool, err error) {
	tag, err := db.Exec(ctx, "insert into syncer.checkpoints (run_id, listing, sequence, chunks) values ($1, $2, $3, $4) on conflict do nothing",
		r.ID, listing, sequence, string(checkpoints))
	if err != nil {
		return false, fmt.Errorf("checkpoint chunks of %s: %w", listing, err)
	}
	return tag.RowsAffected() == 1, nil
}

// CountCheckpointsFrom returns how many calls of SaveCheckpoints with a sequence from the given one
// on the database has kept.
func (r Run) CountCheckpointsFrom(ctx context.Context, tx pgx.Tx, from int64) (n int64, err error) {
	err = tx.QueryRow(ctx, "select count(*) from syncer.checkpoints where run_id = $1 and sequence >= $2", r.ID, from).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the checkpoints of run %d: %w", r.ID, err)
	}
	return n, nil
}

// Checkpoints returns the arrays of checkpoints of a listing in the order they were made.
func (r Run) Checkpoints(ctx context.Context, pool *pgxpool.Pool, listing string) ([][]byte, error) {
	rows, err := pool.Query(ctx, "select chunks::text from syncer.checkpoints where run_id = $1 and listing = $2 order by sequence", r.ID, listing)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints of %s: %w", listing, err)
	}
	checkpoints, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read the checkpoints of %s: %w", listing, err)
	}
	out := make([][]byte, len(checkpoints))
	for i, text := range checkpoints {
		out[i] = []byte(text)
	}
	return out, nil
}

// ClearCheckpoints removes the checkpoints of a run that is published or given up.
func ClearCheckpoints(ctx context.Context, db Execer, run int64) error {
	if _, err := db.Exec(ctx, "delete from syncer.checkpoints where run_id = $1", run); err != nil {
		return fmt.Errorf("clear the checkpoints of run %d: %w", run, err)
	}
	return nil
}
