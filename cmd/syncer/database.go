package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/config"
	"logto-syncer/internal/pgconnect"
	"logto-syncer/internal/postgres"
	"logto-syncer/internal/state"
)

const (
	// embeddedDir is where the Postgres of a configuration without a database
	// is, below the working directory.
	embeddedDir = ".syncer"
	// embeddedName is the database in it.
	embeddedName = "logto"
	// connections a tenant under way needs: one holds its lock, the others
	// look up and stage.
	connections = 8
)

// A database is the mirror's.
type database struct {
	*pgxpool.Pool
	url    string
	server *postgres.Server // nil unless it is one of ours
}

// openDatabase connects to the database of the configuration, starting the
// embedded Postgres if it names none. The caller closes it.
func openDatabase(ctx context.Context, url config.Secret, tenants int) (*database, error) {
	if url != "" {
		return connect(ctx, url.Reveal(), nil, tenants)
	}
	return openEmbedded(ctx, postgres.Options{Dir: embeddedDir}, tenants)
}

// openEmbedded starts a Postgres of our own, or joins the one that runs.
func openEmbedded(ctx context.Context, o postgres.Options, tenants int) (*database, error) {
	server, err := postgres.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	err = createEmbeddedDatabase(ctx, server.URL("postgres"))
	if err == nil {
		var db *database
		if db, err = connect(ctx, server.URL(embeddedName), server, tenants); err == nil {
			return db, nil
		}
	}
	return nil, errors.Join(err, stopEmbedded(server))
}

// createEmbeddedDatabase makes the embedded database unless it is there.
func createEmbeddedDatabase(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the embedded Postgres: %w", err)
	}
	_, err = conn.Exec(ctx, "create database "+embeddedName)
	err = errors.Join(err, conn.Close(ctx))
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && (pg.Code == "42P04" || pg.Code == "23505") {
		return nil // it is there, or is being made by another at this moment
	}
	return err
}

func connect(ctx context.Context, url string, server *postgres.Server, tenants int) (*database, error) {
	pool, err := pgconnect.Open(ctx, url, int32(connections*min(max(tenants, 1), maxTenants)))
	if unfit, ok := errors.AsType[*pgconnect.UnfitError](err); ok {
		return nil, usageError{unfit.Problem, unfit.Remedy}
	}
	if err != nil {
		return nil, err
	}
	if err := state.RejectDatabaseOfEarlierBuild(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return &database{pool, url, server}, nil
}

// restartIfBroken restarts an embedded server that cannot load its libraries
// since its binaries were replaced.
func (d *database) restartIfBroken(ctx context.Context) (restarted bool, err error) {
	if d.server == nil {
		return false, nil
	}
	return d.server.RestartIfBinariesBroken(ctx)
}

// closeTimeout bounds the wait for connections to close: a server that no longer
// answers would keep them for longer than anybody waits for a process to end.
const closeTimeout = time.Second

// Close disconnects, and leaves a server of our own.
func (d *database) Close() error {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		d.Pool.Close()
	}()
	select {
	case <-closed:
	case <-time.After(closeTimeout):
	}
	if d.server == nil {
		return nil
	}
	return stopEmbedded(d.server)
}

func stopEmbedded(server *postgres.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return server.Stop(ctx)
}

// migrate brings the database up to date and says so if there was anything to
// do.
func (d *database) migrate(ctx context.Context, log *slog.Logger) error {
	ran, err := state.Migrate(ctx, d.Pool)
	if err == nil && len(ran) > 0 {
		log.InfoContext(ctx, "database migrated", "migrations", ran)
	}
	return err
}
