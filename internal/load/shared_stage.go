package load

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// In a database that is distributed by tenant the stage tables stay, and hold
// the rows of all tenants: to make and drop a distributed table takes half a
// second. Only one run of a tenant has staged rows: whoever begins one removes
// what others have left, and these can stage nothing more. So the statements of
// a run, all of which name its tenant, find in them what they find in tables of
// the run's own.

// hasSharedStage reports whether stage tables stay.
func hasSharedStage(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	return pgquery.Value[bool](ctx, pool, "look for stage tables that stay",
		"select exists (select from pg_class where relnamespace = $1::regnamespace and relname = 'users')", StageSchema)
}

const selectStageTables = `
select relname from pg_class
where relnamespace = $1::regnamespace and relkind in ('r', 'p') and relname like $2`

// findRunStageTables returns the names of the stage tables of a run.
func findRunStageTables(ctx context.Context, db pgquery.Queryer, _ string, run int64) ([]string, error) {
	rows, _ := db.Query(ctx, selectStageTables, StageSchema, strings.ReplaceAll(stageTableName(run, ""), "_", `\_`)+"%") // the error is that of rows, too
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// findSharedTablesWithRows returns the names of the shared stage tables in which the
// tenant has rows.
func findSharedTablesWithRows(ctx context.Context, db pgquery.Queryer, tenant string, _ int64) ([]string, error) {
	rows, _ := db.Query(ctx, selectStageTables+` and relname not like 'run\_%' order by 1`, StageSchema, "%") // the error is that of rows, too
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) == 0 {
		return nil, err
	}
	selects := make([]string, len(names))
	for i, name := range names {
		selects[i] = fmt.Sprintf("(select '%s' from %s where tenant_id = $1 limit 1)", name, pgx.Identifier{StageSchema, name}.Sanitize())
	}
	rows, _ = db.Query(ctx, strings.Join(selects, " union all "), execMode, tenant)
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// DropStage removes what a run of a tenant has staged, within the caller's
// transaction: its tables, and its rows in those that stay.
func DropStage(ctx context.Context, tx pgx.Tx, tenant string, run int64) error {
	tables, err := findRunStageTables(ctx, tx, tenant, run)
	if err != nil {
		return fmt.Errorf("look for the stage of run %d: %w", run, err)
	}
	for i, name := range tables {
		tables[i] = pgx.Identifier{StageSchema, name}.Sanitize()
	}
	if len(tables) > 0 {
		if err := pgquery.Exec(ctx, tx, fmt.Sprintf("drop the stage of run %d", run), "drop table "+strings.Join(tables, ", ")); err != nil {
			return err
		}
	}
	shared, err := findSharedTablesWithRows(ctx, tx, tenant, run)
	if err != nil {
		return fmt.Errorf("look for what run %d has staged: %w", run, err)
	}
	for _, name := range shared {
		if _, err := tx.Exec(ctx, "delete from "+pgx.Identifier{StageSchema, name}.Sanitize()+" where tenant_id = $1", tenant); err != nil {
			return fmt.Errorf("remove what run %d has staged: %w", run, err)
		}
	}
	return nil
}
