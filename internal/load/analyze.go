package load

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// analyzeLockWait is how long, in milliseconds, Analyze waits for a lock on a
// table: somebody who holds one is analyzing or altering it.
const analyzeLockWait = "5000"

// TablesToAnalyze returns the tables of the mirror and of history, as quoted
// names, of which the caller's transaction has changed so much that they are to
// be analyzed once it is committed. loaded are listings of which the mirror had
// nothing of the tenant before.
func (l *Loader) TablesToAnalyze(ctx context.Context, tx pgx.Tx, loaded []string) ([]string, error) {
	names := []string{}
	for _, listing := range loaded {
		for _, t := range l.mappings[listing].tables() {
			names = append(names, t.name)
		}
	}
	return pgquery.Column[string](ctx, tx, "look for tables to analyze", render("tables_to_analyze", nil), names)
}

// Analyze brings the planner's statistics of tables, by quoted names, up to
// date, and moves new rows from the pending lists of GIN indexes to where a
// search finds them fast, as autovacuum would. Readers and writers go on
// meanwhile. Without it, the first questions about a tenant just loaded can take
// minutes.
func Analyze(ctx context.Context, pool *pgxpool.Pool, tables []string) error {
	for _, table := range tables {
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "select set_config('lock_timeout', $1, true)", analyzeLockWait); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "analyze "+table); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, render("clean_table_pending_lists", nil), table)
			return err
		})
		if err != nil {
			return fmt.Errorf("analyze %s: %w", table, err)
		}
	}
	return nil
}
