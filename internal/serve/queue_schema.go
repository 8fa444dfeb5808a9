package serve

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"logto-syncer/internal/state"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// sqlFile returns the statement in a file of the package, by the file's name.
func sqlFile(name string) string {
	text, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // the name is a constant of this package
	}
	return strings.ReplaceAll(strings.TrimSpace(string(text)), "{queue}", queueSchema)
}

const (
	// queueSchema has River's tables. It is a schema of our own, because another
	// program may have a queue in the same database.
	queueSchema = "syncer_queue"
	// migrationLock is the advisory lock that keeps two processes from migrating
	// the queue at once. River has none.
	migrationLock = 0x73796e637175
)

// MigrateQueue brings the tables of the queue to the version this program needs.
// Several processes may call it at once; one migrates and the others wait.
func MigrateQueue(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to migrate the queue: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", migrationLock); err != nil {
		return fmt.Errorf("wait to migrate the queue: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, "select pg_advisory_unlock($1)", migrationLock); err != nil {
			_ = conn.Conn().Close(ctx) // which releases the lock
		}
	}()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		return state.CreateSchemaIfMissing(ctx, tx, queueSchema, "The queue of syncer serve: tables of River (riverqueue.com).")
	})
	if err != nil {
		return err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: queueSchema, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("prepare the queue's migration: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate the queue: %w", err)
	}
	return nil
}
