package main

import (
	"context"
	"errors"

	"logto-syncer/internal/serve"
	"logto-syncer/internal/state"
)

// migrateCmd is syncer migrate.
type migrateCmd struct{}

// Run is called by kong.
func (migrateCmd) Run(ctx context.Context, a *app) (err error) {
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
	if err := serve.Migrate(ctx, db.Pool); err != nil {
		return err
	}
	a.out.object(map[string]any{"type": "migrated", "migrations": append([]string{}, ran...)})
	if len(ran) == 0 {
		a.out.printf("the database is up to date\n")
	}
	for _, name := range ran {
		a.out.printf("ran %s\n", name)
	}
	return nil
}
