package state

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// A distributedStage is the stage of a table in a distributed database. There it
// stays, with the rows of all tenants that are being read: to make and drop a
// distributed table takes half a second, and a run has up to thirty.
type distributedStage struct {
	Name    string // quoted; of the table in logto, if it is of one
	Columns string // as in create table
	Keys    string // columns of its key
}

func (s distributedStage) table() string { return "syncer_stage." + s.Name }

// stageTablesToCreate returns the stage tables that are missing or differ from
// their tables. Rows in those that differ are of runs that are not resumed: a
// run's spec says which columns there were.
func stageTablesToCreate(ctx context.Context, pool *pgxpool.Pool) ([]distributedStage, error) {
	return pgquery.Rows(ctx, pool, "look for stage tables to distribute", pgx.RowToStructByPos[distributedStage], embeddedStatement("undistributed_stages"))
}

// recreate makes the stage of a table, or makes it again. Its index stands in for
// statistics, which are not to be had within the transaction that publishes.
func (s distributedStage) recreate(ctx context.Context, pool *pgxpool.Pool) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for _, sql := range []string{
			"drop table if exists " + s.table(),
			"create table " + s.table() + " (" + s.Columns + ")",
			"alter table " + s.table() + " drop column if exists valid_from",
			"create index on " + s.table() + " (" + s.Keys + ")",
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return distributeTable(ctx, tx, s.table())
	})
	if err != nil {
		return fmt.Errorf("make the stage %s: %w", s.Name, err)
	}
	return nil
}
