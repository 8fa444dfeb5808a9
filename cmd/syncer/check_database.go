package main

import (
	"context"
	_ "embed" // the query
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/config"
	"logto-syncer/internal/pgconnect"
	"logto-syncer/internal/pgquery"
	"logto-syncer/internal/postgres"
	"logto-syncer/internal/state"
)

//go:embed sql/missing_grants.sql
var missingGrants string

// minVersion is the oldest Postgres the migrations work with.
const minVersion = 14

// database checks that there is one and that we may do there what we need to.
func (c *checks) database(ctx context.Context, cfg *config.Config) {
	if _, err := os.Stat(embeddedDir); cfg.Database == "" && errors.Is(err, os.ErrNotExist) {
		bin, err := postgres.FindBinaries()
		if err != nil {
			c.bad("database", "", err, "")
			return
		}
		c.ok("database", "", "the first run makes an embedded Postgres in ./"+embeddedDir+" with "+bin)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	db, err := openDatabase(ctx, cfg.Database, 1)
	if err != nil {
		c.bad("database", "", err, databaseHint(err))
		return
	}
	defer func() {
		if err := db.Close(); err != nil {
			c.bad("database", "", err, "")
		}
	}()
	c.postgresVersion(ctx, db)
	c.schemasFree(ctx, db)
	c.privileges(ctx, db)
	c.migrations(ctx, db)
	c.citusDistribution(ctx, db)
	c.privacy(ctx, db, cfg)
}

func databaseHint(err error) string {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !errors.As(err, new(*pgconnect.ConnectError)):
		return "" // the error has its own
	case !ok:
		return "is the server up, and reachable from this machine?"
	case pg.Code == "28P01", pg.Code == "28000":
		return "user or password is wrong, or pg_hba.conf lets nobody in from here"
	case pg.Code == "3D000":
		return "make it: create database ..."
	}
	return ""
}

func (c *checks) postgresVersion(ctx context.Context, db *database) {
	var number int
	var name, server, role string
	err := db.QueryRow(ctx, "select current_setting('server_version_num')::int, current_database(), current_setting('server_version'), current_user").
		Scan(&number, &name, &server, &role)
	if err != nil {
		c.bad("database", "", err, "")
		return
	}
	c.ok("database", "", fmt.Sprintf("%s, as %s", name, role))
	if number < minVersion*10_000 {
		c.bad("version", "", fmt.Errorf("PostgreSQL %s", server), fmt.Sprintf("want PostgreSQL %d or newer", minVersion))
		return
	}
	c.ok("version", "", "PostgreSQL "+server)
	c.serverLibraries(ctx, db)
}

// serverLibraries checks that the server still finds its libraries: an upgrade of its
// package replaces them while it runs.
func (c *checks) serverLibraries(ctx context.Context, db *database) {
	_, err := db.Exec(ctx, "do $$ begin null; end $$")
	switch {
	case err != nil:
		c.bad("binaries", "", fmt.Errorf("the server cannot run PL/pgSQL: %w", err), "the server's package was upgraded while it runs: restart the server")
	case db.server != nil && db.server.RestartedByStart():
		c.ok("binaries", "", "the embedded server was restarted: its package was upgraded while it ran")
	}
}

// privileges looks for the schemas that are there, and for the right to make
// those that are not.
func (c *checks) privileges(ctx context.Context, db *database) {
	missing, err := pgquery.Column[string](ctx, db, "read the privileges", missingGrants)
	switch {
	case err != nil:
		c.bad("privileges", "", err, "")
	case len(missing) > 0:
		hint := missing[0]
		if len(missing) > 1 {
			hint += fmt.Sprintf(" and %d more of the kind", len(missing)-1)
		}
		c.bad("privileges", "", errors.New("some are missing"), "as the owner: "+hint)
	default:
		c.ok("privileges", "", "may make and fill the schemas logto, logto_history, report, syncer, syncer_stage")
	}
}

// schemasFree checks that the schemas of the program's names are free for it.
func (c *checks) schemasFree(ctx context.Context, db *database) {
	if err := state.CheckSchemasFree(ctx, db.Pool); err != nil {
		c.bad("schemas", "", err, "")
	}
}

func (c *checks) migrations(ctx context.Context, db *database) {
	there, err := state.TablesExist(ctx, db.Pool)
	pending := !there
	if err == nil && there {
		pending, err = state.NeedsMigration(ctx, db.Pool)
	}
	switch {
	case err != nil:
		c.bad("migrations", "", err, "")
	case pending:
		c.ok("migrations", "", "pending: the next run makes the tables, or syncer migrate")
	default:
		c.ok("migrations", "", "none pending")
	}
}

// citusDistribution checks that all tables are distributed, if some are.
func (c *checks) citusDistribution(ctx context.Context, db *database) {
	distributed, err := state.Distributed(ctx, db.Pool)
	if err == nil && !distributed {
		return
	}
	var missing []string
	if err == nil {
		missing, err = state.Undistributed(ctx, db.Pool)
	}
	switch {
	case err != nil:
		c.bad("distribution", "", err, "")
	case len(missing) > 0:
		c.bad("distribution", "", fmt.Errorf("%s to distribute: %s", countedNoun(len(missing), "table"), strings.Join(missing, ", ")), "syncer migrate --distribute continues")
	default:
		c.ok("distribution", "", "all tables, by tenant")
	}
}

// privacy checks that the rules are for columns that are there. Before the
// tables are made only the first run can tell.
func (c *checks) privacy(ctx context.Context, db *database, cfg *config.Config) {
	rules := 0
	for _, columns := range cfg.Privacy.Tables {
		rules += len(columns)
	}
	if there, err := state.TablesExist(ctx, db.Pool); rules == 0 || err != nil || !there {
		return
	}
	if err := checkRules(ctx, db, cfg); err != nil {
		problems, ok := errors.AsType[config.Errors](err)
		if !ok {
			c.bad("privacy", "", err, "")
		}
		for _, p := range problems {
			hint := p.Hint
			p.Hint = ""
			c.bad("privacy", "", p, hint)
		}
		return
	}
	c.ok("privacy", "", countedNoun(rules, "rule")+" on columns that are there")
}
