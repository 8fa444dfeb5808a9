package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/report"
)

// grantCmd is syncer grant.
type grantCmd struct {
	Role string `arg:"" help:"A role of the database, of a person or a group."`
}

// Run is called by kong.
func (c *grantCmd) Run(ctx context.Context, a *app) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	db, err := openMirrorDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = report.Grant(ctx, db.Pool, c.Role)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "42704" {
		return usageError{"there is no role " + c.Role, "make it: create role " + c.Role + " login password '...'"}
	}
	if err != nil {
		return err
	}
	a.out.printJSON(map[string]string{"type": "granted", "role": c.Role})
	a.out.printf("%s may read the schemas logto, logto_history and report, and what later versions add to them\n", c.Role)
	return nil
}
