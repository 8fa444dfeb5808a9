package serve

import (
	"context"
	"crypto/rand"
	"embed"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed sql/*.sql
var sqlFiles embed.FS

// sqlFile returns one of the package's statements by the name of its file.
func sqlFile(name string) string {
	text, err := sqlFiles.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // a name in this package, a file beside it
	}
	return strings.ReplaceAll(strings.TrimSpace(string(text)), "{queue}", queueSchema)
}

const (
	// queueSchema is where River's tables are: one of our own, for another program
	// may keep a queue in the same database.
	queueSchema = "syncer_queue"
	// migrationLock keeps two processes from migrating the queue at once, which
	// River does not.
	migrationLock = 0x73796e637175
)

// Migrate brings the tables of the queue to the version this program works
// with. Several may call it at once; one migrates and the others wait.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
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
			_ = conn.Conn().Close(ctx) // and the lock goes with it
		}
	}()
	if _, err := conn.Exec(ctx, sqlFile("create_queue_schema")); err != nil {
		return fmt.Errorf("make schema %s: %w", queueSchema, err)
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

func randomSuffix() string { return strings.ToLower(rand.Text()[:10]) }
