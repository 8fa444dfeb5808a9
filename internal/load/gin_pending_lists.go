package load

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// raisePendingListLimit lets a publication collect what it adds to inverted indexes,
// those of trigrams and of JSON, and enter it in large parts, which have many rows
// for the same key. With Postgres's own 4 MB, an update of every user took a
// quarter more processor time and two thirds more WAL.
func raisePendingListLimit(ctx context.Context, tx pgx.Tx) error {
	return pgquery.Exec(ctx, tx, "collect what is added to indexes", render("raise_pending_list_limit", nil))
}

// CleanPendingLists enters into the inverted indexes of the mirror what
// publications have collected for them. Until then a search reads all of that,
// too. Readers and writers go on meanwhile.
func CleanPendingLists(ctx context.Context, pool *pgxpool.Pool) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select set_config('lock_timeout', $1, true)", analyzeLockWait); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, render("clean_mirror_pending_lists", nil))
		return err
	})
	if err != nil {
		return fmt.Errorf("enter what was collected for indexes: %w", err)
	}
	return nil
}
