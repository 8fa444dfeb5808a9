package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// ErrNoCitus says that the tables cannot be distributed in this database.
var ErrNoCitus = errors.New("the database does not have the extension citus; nothing was distributed")

// Distributed reports whether the mirror is distributed by tenant over the
// workers of a Citus cluster, wholly or in part.
func Distributed(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	if citus, err := hasCitus(ctx, pool); err != nil || !citus {
		return false, err
	}
	return pgquery.Value[bool](ctx, pool, "look for distributed tables",
		"select exists (select from pg_dist_partition where logicalrelid = to_regclass('logto.users'))")
}

// Undistributed returns what DistributeTables would do to a distributed database: the
// tables and functions that are not distributed yet, and the tables that still have
// rows on the coordinator.
func Undistributed(ctx context.Context, pool *pgxpool.Pool) ([]string, error) {
	tables, err := undistributedNames(ctx, pool, "undistributed_tables")
	if err != nil {
		return nil, err
	}
	stages, err := stageTablesToCreate(ctx, pool)
	if err != nil {
		return nil, err
	}
	for _, s := range stages {
		tables = append(tables, s.qualifiedName())
	}
	for _, statement := range []string{"undistributed_functions", "distributed_tables_with_local_rows"} {
		more, err := undistributedNames(ctx, pool, statement)
		if err != nil {
			return nil, err
		}
		tables = append(tables, more...)
	}
	return tables, nil
}

// DistributeTables distributes the tables of the mirror, of its history and of the
// stage by tenant_id over the workers of a Citus cluster, so that all rows of a
// tenant are on one of them. done is called with each table. Whatever ends it,
// the next call continues; it does nothing where nothing is left to do. It
// returns ErrNoCitus for a database without the extension.
func DistributeTables(ctx context.Context, pool *pgxpool.Pool, done func(table string)) error {
	if citus, err := hasCitus(ctx, pool); err != nil {
		return err
	} else if !citus {
		return ErrNoCitus
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to distribute the tables: %w", err)
	}
	defer conn.Release()
	// One at a time: the second finds nothing left to do.
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", distributionLock); err != nil {
		return fmt.Errorf("wait to distribute the tables: %w", err)
	}
	err = distributeLocked(ctx, pool, done)
	_, unlockErr := conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", distributionLock)
	return errors.Join(err, unlockErr)
}

// distributionLock is held while tables are distributed.
const distributionLock = lockSeed + 1

func distributeLocked(ctx context.Context, pool *pgxpool.Pool, done func(table string)) error {
	tables, err := undistributedNames(ctx, pool, "undistributed_tables")
	if err != nil {
		return err
	}
	for _, table := range tables {
		if err := distributeTable(ctx, pool, table); err != nil {
			return err
		}
		done(table)
	}
	stages, err := stageTablesToCreate(ctx, pool)
	if err != nil {
		return err
	}
	for _, s := range stages {
		if err := s.recreate(ctx, pool); err != nil {
			return err
		}
		done(s.qualifiedName())
	}
	if err := createDistributedFunctions(ctx, pool, done); err != nil {
		return err
	}
	return truncateLocal(ctx, pool)
}

// distributeTable distributes one table, with its rows. All are in one group, in
// which the rows of a tenant are on one worker.
func distributeTable(ctx context.Context, db pgquery.Execer, table string) error {
	const sql = "select create_distributed_table($1::text::regclass, 'tenant_id', colocate_with => case when $1 = 'logto.users' then 'default' else 'logto.users' end)"
	return pgquery.Exec(ctx, db, "distribute "+table, sql, table)
}

// createDistributedFunctions gives the workers the functions that they call.
func createDistributedFunctions(ctx context.Context, pool *pgxpool.Pool, done func(name string)) error {
	functions, err := undistributedNames(ctx, pool, "undistributed_functions")
	if err != nil {
		return err
	}
	for _, function := range functions {
		if err := pgquery.Exec(ctx, pool, "distribute "+function, "select create_distributed_function($1::text::regprocedure)", function); err != nil {
			return err
		}
		done(function)
	}
	return nil
}

// truncateLocal removes the rows that tables had on the coordinator before they
// were copied to the workers.
func truncateLocal(ctx context.Context, pool *pgxpool.Pool) error {
	tables, err := undistributedNames(ctx, pool, "distributed_tables_with_local_rows")
	if err != nil {
		return err
	}
	for _, table := range tables {
		doing := "remove the rows of " + table + " from the coordinator"
		if err := pgquery.Exec(ctx, pool, doing, "select truncate_local_data_after_distributing_table($1::text::regclass)", table); err != nil {
			return err
		}
	}
	return nil
}

func hasCitus(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	return pgquery.Value[bool](ctx, pool, "look for the extension citus", "select exists (select from pg_extension where extname = 'citus')")
}

func undistributedNames(ctx context.Context, pool *pgxpool.Pool, statement string) ([]string, error) {
	return pgquery.Column[string](ctx, pool, "look for what to distribute", embeddedStatement(statement))
}
