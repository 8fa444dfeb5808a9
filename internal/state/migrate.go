package state

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"logto-syncer/internal/pgquery"
	"logto-syncer/sql"
)

// ErrEarlierBuild says that the database has the tables of a build before
// 0.1.0, which this one neither reads nor migrates.
var ErrEarlierBuild = errors.New("the database was made by a build of syncer before 0.1.0, whose tables this version cannot use; nothing in it was changed")

const (
	// migrationsTable is where goose records the migrations that ran.
	migrationsTable = "syncer.migrations"
	// migrationTimeout is how many seconds to wait while another process migrates.
	migrationTimeout = 300
)

// RejectDatabaseOfEarlierBuild returns ErrEarlierBuild if the database was made by a build before
// 0.1.0. It only reads, and needs no right on any schema.
func RejectDatabaseOfEarlierBuild(ctx context.Context, pool *pgxpool.Pool) error {
	// goose's default table name. No release has used it.
	const sql = `select exists (
		select from pg_class c join pg_namespace n on n.oid = c.relnamespace
		where n.nspname = 'syncer' and c.relname = 'goose_db_version')`
	earlier, err := pgquery.Value[bool](ctx, pool, "check which build made the database", sql)
	if earlier {
		return ErrEarlierBuild
	}
	return err
}

// Migrate brings the database to the version this program works with. Several
// processes may call it at once: one migrates and the others wait. In a
// distributed database it distributes what the migrations have added. It returns
// the names of the migrations it ran, ErrEarlierBuild, or a *OccupiedSchemasError.
func Migrate(ctx context.Context, pool *pgxpool.Pool) (ran []string, err error) {
	provider, done, err := openMigrationProvider(ctx, pool)
	if err != nil {
		return nil, err
	}
	defer done()
	results, err := provider.Up(ctx)
	for _, r := range results {
		ran = append(ran, r.Source.Path)
	}
	if err != nil {
		return ran, fmt.Errorf("migrate the database: %w", err)
	}
	if distributed, err := Distributed(ctx, pool); err != nil || !distributed {
		return ran, err
	}
	return ran, DistributeTables(ctx, pool, func(string) {})
}

// NeedsMigration reports whether the database needs Migrate. It returns
// ErrEarlierBuild for a database that cannot be migrated.
func NeedsMigration(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	if err := RejectDatabaseOfEarlierBuild(ctx, pool); err != nil {
		return false, err
	}
	migrated, err := pgquery.Value[bool](ctx, pool, "read the database's version", "select to_regclass($1) is not null", migrationsTable)
	if err != nil || !migrated {
		return err == nil, err
	}
	provider, done, err := openMigrationProvider(ctx, pool)
	if err != nil {
		return false, err
	}
	defer done()
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return false, fmt.Errorf("read the database's version: %w", err)
	}
	return pending, nil
}

// openMigrationProvider opens goose on the pool. done closes what it opened.
func openMigrationProvider(ctx context.Context, pool *pgxpool.Pool) (provider *goose.Provider, done func(), err error) {
	if err := RejectDatabaseOfEarlierBuild(ctx, pool); err != nil {
		return nil, nil, err
	}
	if err := CheckSchemasFree(ctx, pool); err != nil {
		return nil, nil, err
	}
	if err := createSchemas(ctx, pool); err != nil { // goose's table is in one of them
		return nil, nil, err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, migrationTimeout))
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the migration lock: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	provider, err = goose.NewProvider(goose.DialectPostgres, db, sql.Folder("migrations"),
		goose.WithTableName(migrationsTable), goose.WithSessionLocker(locker))
	if err != nil {
		return nil, nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, func() { _ = db.Close() }, nil
}
