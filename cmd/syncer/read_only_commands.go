package main

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
	"logto-syncer/internal/report"
	"logto-syncer/internal/state"
)

// defaultConfig is the configuration that need not be there for commands that
// only read the mirror.
const defaultConfig = "jobs.yaml"

// databaseVariable names the database where there is no configuration.
const databaseVariable = "DATABASE_URL"

// errNoDatabase is a usage error: nothing says where the mirror is.
var errNoDatabase = usageError{
	"no database: " + databaseVariable + " is not set, and there is no Postgres in ./" + embeddedDir,
	"export " + databaseVariable + "=postgres://user:password@host:5432/database, or name it in jobs.yaml; syncer run and syncer demo --keep make the one in ./" + embeddedDir,
}

// loadReadOnly reads the configuration for a command that only reads the
// mirror. Secrets of tenants may be missing, and so may the whole file, unless
// -c names it: then the configuration has nothing but the database, of
// DATABASE_URL or in ./.syncer, where that is empty.
func (a *app) loadReadOnly() (*config.Config, error) {
	cfg, err := config.LoadReadOnly(a.config, a.env, catalog.Names())
	if errors.Is(err, fs.ErrNotExist) && a.config == defaultConfig {
		cfg, err = &config.Config{}, nil
	}
	if err != nil {
		return nil, wrapNoConfigError(err)
	}
	if url, ok := a.env(databaseVariable); cfg.Database == "" && ok {
		cfg.Database = config.Secret(url)
	}
	return cfg, nil
}

// openReadable reads the configuration and opens the mirror for a command that
// only reads it, as whatever role the database is named with, which may not be
// allowed to see how far the database is migrated.
func (a *app) openReadable(ctx context.Context) (*config.Config, *database, error) {
	cfg, err := a.loadReadOnly()
	if err != nil {
		return nil, nil, err
	}
	db, err := openExistingDatabase(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	if db == nil {
		return nil, nil, errNoDatabase
	}
	err = checkMigrated(ctx, db)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == insufficientPrivilege {
		err = nil
	}
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return cfg, db, nil
}

// checkMigrated returns an error unless this version can read the database.
func checkMigrated(ctx context.Context, db *database) error {
	pending, err := state.NeedsMigration(ctx, db.Pool)
	if err == nil && pending {
		err = errNotMigrated
	}
	return err
}

// insufficientPrivilege is Postgres' code of "permission denied".
const insufficientPrivilege = "42501"

// mirroredTenants returns the names of the tenants that the database has, or
// only the one of the name, which has to be there.
func mirroredTenants(ctx context.Context, db *database, name string) ([]string, error) {
	names, err := report.Tenants(ctx, db)
	if err != nil || name == "" {
		return names, err
	}
	for _, n := range names {
		if strings.EqualFold(n, name) {
			return []string{n}, nil
		}
	}
	hint := "the database has no tenant yet: syncer run mirrors one"
	if len(names) > 0 {
		hint = "the database has: " + strings.Join(names, ", ")
	}
	return nil, usageError{"no tenant " + name + " is mirrored", hint}
}
