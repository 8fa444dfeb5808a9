package main

import (
	"context"
	"errors"

	"logto-syncer/internal/serve"
	"logto-syncer/internal/state"
)

// migrateCmd is syncer migrate.
type migrateCmd struct {
	Distribute bool `help:"Distribute the tables by tenant over the workers of a Citus cluster; see docs/scale.md."`
}

// Run is called by kong.
func (c migrateCmd) Run(ctx context.Context, a *app) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, cfg.Database, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ran, err := state.Migrate(ctx, db.Pool)
	if err != nil {
		return err
	}
	if err := serve.MigrateQueue(ctx, db.Pool); err != nil {
		return err
	}
	for _, name := range ran {
		a.out.printf("ran %s\n", name)
	}
	distributed := []string{}
	if c.Distribute {
		if distributed, err = c.distribute(ctx, a, db); err != nil {
			return err
		}
	}
	if len(ran)+len(distributed) == 0 {
		a.out.printf("the database is up to date\n")
	}
	a.out.printJSON(map[string]any{"type": "migrated", "migrations": append([]string{}, ran...), "distributed": distributed})
	return nil
}

// distribute distributes what is not distributed yet, and says so table by table.
func (migrateCmd) distribute(ctx context.Context, a *app, db *database) (tables []string, err error) {
	tables = []string{}
	err = state.DistributeTables(ctx, db.Pool, func(table string) {
		a.out.printf("distributed %s\n", table)
		tables = append(tables, table)
	})
	return tables, err
}
