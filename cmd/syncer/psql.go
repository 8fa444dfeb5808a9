package main

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/config"
	"logto-syncer/internal/postgres"
)

// psqlCmd is syncer psql. Its flags are psql's own, but for --embedded and
// --help as the first argument.
type psqlCmd struct {
	Args []string `arg:"" optional:"" name:"arg" help:"--embedded: the Postgres in ./.syncer, whatever the configuration says: that of demo --keep. All others are psql's."`
}

// Run is called by kong.
func (c *psqlCmd) Run(ctx context.Context, a *app, k *kong.Context) (err error) {
	args := c.Args
	if len(args) > 0 && args[0] == "--help" {
		return k.PrintUsage(false)
	}
	embedded := len(args) > 0 && args[0] == "--embedded"
	if embedded {
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	var url config.Secret
	if !embedded {
		cfg, err := a.loadReadOnly()
		if err != nil {
			return err
		}
		url = cfg.Database
	}
	if url != "" {
		return a.psql(ctx, url.Reveal(), args)
	}
	if _, err := os.Stat(embeddedDir); err != nil {
		return errNoDatabase
	}
	server, err := postgres.Start(ctx, postgres.Options{Dir: embeddedDir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopEmbedded(server)) }()
	return a.psql(ctx, server.URL(embeddedName), args)
}

// psql runs psql with the terminal as its own. Signals are its affair: Ctrl-C
// ends a query, not the session.
func (a *app) psql(ctx context.Context, database string, args []string) error {
	path, err := exec.LookPath("psql")
	if err != nil {
		return usageError{"psql is not installed", "on Debian and Ubuntu: apt-get install postgresql-client"}
	}
	target, password, err := splitPassword(database)
	if err != nil {
		return err
	}
	a.deaf.Store(true)
	defer a.deaf.Store(false)
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

// splitPassword splits a connection string so that the password does not
// show in the list of processes, and leaves out what only our pool knows.
func splitPassword(database string) (target, password string, err error) {
	cfg, err := pgconn.ParseConfig(database)
	if err != nil {
		return "", "", usageError{"the database is not a Postgres URL", ""} // err may quote the password
	}
	if !strings.HasPrefix(database, "postgres") { // keywords and values
		if strings.Contains(database, "password") {
			return "", "", usageError{"psql would show the password of this connection string to everybody on the machine", "write it as a URL: postgres://user:password@host:5432/database"}
		}
		return database, "", nil
	}
	u, err := url.Parse(database)
	if err != nil {
		return "", "", usageError{"the database is not a Postgres URL", ""}
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
	// url.URL drops the slashes of a URL without a host, which psql would take
	// for a database's name.
	rest := strings.TrimPrefix(u.String(), u.Scheme+":")
	return u.Scheme + "://" + strings.TrimPrefix(rest, "//"), cfg.Password, nil
}
