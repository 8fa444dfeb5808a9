package mirror_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/postgres/pgtest"
)

// occupy takes every connection a server has left, until the test ends or
// leave is called.
func occupy(t *testing.T, url string) (leave func()) {
	t.Helper()
	var taken []*pgx.Conn
	leave = sync.OnceFunc(func() {
		for _, conn := range taken {
			_ = conn.Close(context.WithoutCancel(t.Context())) // the server goes soon
		}
	})
	t.Cleanup(leave)
	for {
		conn, err := pgx.Connect(t.Context(), url)
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "53300" {
			return leave
		}
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, conn)
	}
}

// told calls a function when something is logged that contains a text.
type told struct {
	slog.Handler
	text string
	call func()
}

func (h told) Enabled(context.Context, slog.Level) bool { return true }

func (h told) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, h.text) {
		h.call()
	}
	return nil
}

// Many processes on one database can want more connections than it has.
func TestARunThatFindsTheDatabaseFullWaitsForRoom(t *testing.T) {
	t.Parallel()
	b := faulty(t)
	db := pgtest.StartInstance(t)
	b.use(t, db)
	leave := occupy(t, db.URL("postgres"))
	b.runner.Log = slog.New(told{slog.DiscardHandler, "database operation failed", leave})
	s, err := b.runner.Run(t.Context(), b.job)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	wantProved(t, s)
	b.wantEqual(t)
}
