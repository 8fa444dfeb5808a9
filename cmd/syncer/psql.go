package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/config"
	"logto-syncer/internal/postgres"
)

// psqlCmd is syncer psql.
type psqlCmd struct {
	Embedded bool     `help:"The Postgres in ./.syncer, whatever the configuration says: that of demo --keep."`
	Args     []string `arg:"" optional:"" passthrough:"" name:"arg" help:"What psql is given, after --, such as: -- -c 'select count(*) from logto.users'."`
}

// Run is called by kong.
func (c *psqlCmd) Run(ctx context.Context, a *app) (err error) {
	cfg := &config.Config{}
	if !c.Embedded {
		if cfg, err = a.load(); err != nil {
			return err
		}
	}
	if cfg.Database != "" {
		return a.psql(ctx, cfg.Database.Reveal(), c.Args)
	}
	if _, err := os.Stat(embeddedDir); err != nil {
		return usageError{"there is no Postgres in ./" + embeddedDir, "syncer run or syncer demo --keep makes one"}
	}
	server, err := postgres.Start(ctx, postgres.Options{Dir: embeddedDir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(server)) }()
	return a.psql(ctx, server.URL(embeddedName), c.Args)
}

// psql runs psql with the terminal as its own. Signals are its affair: Ctrl-C
// ends a query, not the session.
func (a *app) psql(ctx context.Context, database string, args []string) error {
	path, err := exec.LookPath("psql")
	if err != nil {
		return usageError{"psql is not installed", "on Debian and Ubuntu: apt-get install postgresql-client"}
	}
	target, password, err := withoutPassword(database)
	if err != nil {
		return err
	}
	a.deaf.Store(true)
	defer a.deaf.Store(false)
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	cmd := exec.CommandContext(ctx, path, append([]string{"-d", target}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	cmd.Env = os.Environ()
	if password != "" {
		cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
	}
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
		return reportedError{exitFailed}
	}
	return err
}

// withoutPassword splits a connection string so that the password does not
// show in the list of processes, and leaves out what only our pool knows.
func withoutPassword(database string) (target, password string, err error) {
	cfg, err := pgconn.ParseConfig(database)
	if err != nil {
		return "", "", usageError{"the database is not a Postgres URL", ""} // err may quote the password
	}
	u, err := url.Parse(database)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return "", "", usageError{"psql wants the database as a URL", "postgres://user:password@host:5432/database"}
	}
	query := u.Query()
	for key := range query {
		if strings.HasPrefix(key, "pool_") || key == "password" {
			query.Del(key)
		}
	}
	u.RawQuery = query.Encode()
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	return u.String(), cfg.Password, nil
}
