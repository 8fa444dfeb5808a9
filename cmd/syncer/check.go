package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/config"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/postgres"
	"logto-syncer/internal/state"
)

// checkCmd is syncer check.
type checkCmd struct{}

// Run is called by kong.
func (checkCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	c := &checks{out: a.out}
	c.ok("configuration", "", fmt.Sprintf("%s: %s, %s", a.config, number(len(cfg.Tenants), "tenant"), number(len(cfg.Jobs), "job")))
	var wg sync.WaitGroup
	of := make([]checks, len(cfg.Tenants))
	for i, t := range cfg.Tenants {
		wg.Go(func() { of[i].tenant(ctx, t) })
	}
	wg.Wait()
	for i := range of {
		c.take(of[i].lines)
	}
	c.database(ctx, cfg)
	if c.failed > 0 {
		a.out.printf("\n%s failed\n", number(c.failed, "check"))
		return reportedError{exitFailed}
	}
	return nil
}

// A checkLine is what one check found.
type checkLine struct {
	Type   string `json:"type"` // "check"
	Check  string `json:"check"`
	Tenant string `json:"tenant,omitempty"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// checks collects lines; those with an output are printed as they come.
type checks struct {
	out    *output // nil: only collected
	lines  []checkLine
	failed int
}

func (c *checks) ok(check, tenant, detail string) {
	c.add(checkLine{Check: check, Tenant: tenant, OK: true, Detail: detail})
}

// bad notes a failed check. Without a hint it takes the error's own.
func (c *checks) bad(check, tenant string, err error, hint string) {
	text, own := explain(err)
	if hint == "" {
		hint = own
	}
	c.add(checkLine{Check: check, Tenant: tenant, Detail: text, Hint: hint})
}

func (c *checks) add(l checkLine) {
	l.Type = "check"
	c.lines = append(c.lines, l)
	if !l.OK {
		c.failed++
	}
	if c.out == nil {
		return
	}
	c.out.object(l)
	verdict := "ok    "
	if !l.OK {
		verdict = "FAILED"
	}
	name := l.Check
	if l.Tenant != "" {
		name = l.Tenant + ": " + name
	}
	c.out.printf("%s  %-24s  %s\n", verdict, name, l.Detail)
	if l.Hint != "" {
		c.out.printf("        hint: %s\n", l.Hint)
	}
}

func (c *checks) take(lines []checkLine) {
	for _, l := range lines {
		c.add(l)
	}
}

// checkPatience is how long a check waits for a server, since a person waits
// for the check.
const checkPatience = 10 * time.Second

// tenant checks that the API lets us in and answers.
func (c *checks) tenant(ctx context.Context, t config.Tenant) {
	cfg := clientConfig(t, slog.New(slog.DiscardHandler))
	cfg.Patience = checkPatience
	client, err := logto.New(cfg)
	if err != nil {
		c.bad("endpoint", t.Name, err, "")
		return
	}
	defer client.Close()
	err = client.Authenticate(ctx)
	api, isAPI := errors.AsType[*logto.Error](err)
	switch {
	case err == nil:
		c.ok("endpoint", t.Name, t.Endpoint+" answers")
		c.ok("token", t.Name, "for "+t.Resource)
		c.ok("scope", t.Name, "all")
	case !isAPI || api.Status == 0:
		c.bad("endpoint", t.Name, err, "is the address right, and reachable from this machine?")
		return
	case api.Status == http.StatusOK:
		c.ok("endpoint", t.Name, t.Endpoint+" answers")
		c.bad("scope", t.Name, err, "")
		return
	default:
		c.ok("endpoint", t.Name, t.Endpoint+" answers")
		c.bad("token", t.Name, err, "")
		return
	}
	page, err := client.List(ctx, "/users", url.Values{"page": {"1"}, "page_size": {"1"}})
	if err != nil {
		c.bad("management API", t.Name, err, "")
		return
	}
	c.ok("management API", t.Name, count(page.Total)+" users")
}

// minVersion is the oldest Postgres the migrations work with.
const minVersion = 14

// database checks that there is one and that we may do there what we need to.
func (c *checks) database(ctx context.Context, cfg *config.Config) {
	if _, err := os.Stat(embeddedDir); cfg.Database == "" && errors.Is(err, os.ErrNotExist) {
		bin, err := postgres.Find()
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
	c.version(ctx, db)
	c.privileges(ctx, db)
	c.migrations(ctx, db)
}

func databaseHint(err error) string {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
		return "is the server up, and reachable from this machine?"
	case pg.Code == "28P01", pg.Code == "28000":
		return "user or password is wrong, or pg_hba.conf lets nobody in from here"
	case pg.Code == "3D000":
		return "make it: create database ..."
	}
	return ""
}

func (c *checks) version(ctx context.Context, db *database) {
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
}

// privileges looks for the schemas that are there, and for the right to make
// those that are not.
func (c *checks) privileges(ctx context.Context, db *database) {
	var missing []string
	rows, err := db.Query(ctx, `
		select format('grant create on database %I to %I;', current_database(), current_user)
		where not has_database_privilege(current_database(), 'create')
		union all
		select format('grant usage, create on schema %I to %I;', nspname, current_user)
		from pg_namespace
		where nspname in ('logto', 'logto_history', 'syncer', 'syncer_stage')
			and not (has_schema_privilege(oid, 'usage') and has_schema_privilege(oid, 'create'))
		union all
		select format('alter table %I.%I owner to %I;', schemaname, tablename, current_user)
		from pg_tables
		where schemaname in ('logto', 'logto_history', 'syncer') and not pg_has_role(tableowner, 'usage')`)
	if err == nil {
		missing, err = collectText(rows)
	}
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
		c.ok("privileges", "", "may make and fill the schemas logto, logto_history, syncer, syncer_stage")
	}
}

func (c *checks) migrations(ctx context.Context, db *database) {
	there, err := state.Migrated(ctx, db.Pool)
	pending := !there
	if err == nil && there {
		pending, err = state.Pending(ctx, db.Pool)
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
