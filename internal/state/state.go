// Package state keeps what outlives a run: the runs themselves, where they
// were, what they proved, and the lock that lets one run at a time work on a
// tenant. All of it is in schema syncer of the database the mirror is in; what
// belongs together with rows of the mirror is written in the transaction of
// those rows, which the caller opens and hands in. The package knows nothing
// of Logto or of how rows are loaded.
package state

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"logto-syncer/sql"
)

//go:embed sql/*.sql
var files embed.FS

// query returns one of the package's statements by the name of its file.
func query(name string) string {
	text, err := files.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // a name in this package, a file beside it
	}
	return strings.TrimSpace(string(text))
}

// Migrate brings the database to the version this program works with. Several
// may call it at once; one migrates and the others wait. It returns the names
// of the migrations it ran.
func Migrate(ctx context.Context, pool *pgxpool.Pool) (ran []string, err error) {
	provider, done, err := migrations(ctx, pool)
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
	return ran, nil
}

// Pending reports whether the database needs Migrate.
func Pending(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	var migrated bool
	if err := pool.QueryRow(ctx, "select to_regclass('syncer.goose_db_version') is not null").Scan(&migrated); err != nil {
		return false, fmt.Errorf("look at the database's version: %w", err)
	}
	if !migrated {
		return true, nil
	}
	provider, done, err := migrations(ctx, pool)
	if err != nil {
		return false, err
	}
	defer done()
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return false, fmt.Errorf("look at the database's version: %w", err)
	}
	return pending, nil
}

// patience is how many seconds one who migrates waits for another who does.
const patience = 300

// migrations opens goose on the pool. done closes what it opened.
func migrations(ctx context.Context, pool *pgxpool.Pool) (provider *goose.Provider, done func(), err error) {
	// goose keeps its version table in a schema that has to be there first. Two
	// who make it at once would not both find it there, hence the lock.
	makeSchema := fmt.Sprintf("select pg_advisory_xact_lock(%d); create schema if not exists syncer", lockSeed)
	if _, err := pool.Exec(ctx, makeSchema); err != nil {
		return nil, nil, fmt.Errorf("make schema syncer: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, patience))
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the lock of the migration: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	provider, err = goose.NewProvider(goose.DialectPostgres, db, sql.Folder("migrations"),
		goose.WithTableName("syncer.goose_db_version"), goose.WithSessionLocker(locker))
	if err != nil {
		return nil, nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, func() { _ = db.Close() }, nil
}

// storable returns a text as Postgres can hold it: what is not UTF-8, and NUL,
// becomes U+FFFD.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}
