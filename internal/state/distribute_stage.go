package state

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// A distributedStageTable is the stage of a table in a distributed database. There it
// stays, with the rows of all tenants that are being read: to make and drop a
// distributed table takes half a second, and a run has up to thirty.
type distributedStageTable struct {
	Name    string // quoted; of the table in logto, if it is of one
	Columns string // as in create table
	Keys    string // columns of its key
}

func (s distributedStageTable) qualifiedName() string { return "syncer_stage." + s.Name }

// stageTablesToCreate returns the stage tables that are missing or differ from
// their tables. Rows in those that differ are of runs that are not resumed: a
// run's spec says which columns there were.
func stageTablesToCreate(ctx context.Context, pool *pgxpool.Pool) ([]distributedStageTable, error) {
	return pgquery.Rows(ctx, pool, "look for stage tables to distribute", pgx.RowToStructByPos[distributedStageTable], embeddedStatement("undistributed_stages"))
}

// recreate makes the stage of a table, or makes it again. Its index stands in for
// statistics, which are not to be had within the transaction that publishes.
func (s distributedStageTable) recreate(ctx context.Context, pool *pgxpool.Pool) error {
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for _, sql := range []string{
			"drop table if exists " + s.qualifiedName(),
			"create table " + s.qualifiedName() + " (" + s.Columns + ")",
			"alter table " + s.qualifiedName() + " drop column if exists valid_from",
			"create index on " + s.qualifiedName() + " (" + s.Keys + ")",
		} {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return distributeTable(ctx, tx, s.qualifiedName())
	})
	if err != nil {
		return fmt.Errorf("make the stage %s: %w", s.Name, err)
	}
	return nil
}
