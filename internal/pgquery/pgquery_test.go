package pgquery_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/pgquery"
	"logto-syncer/internal/postgres/pgtest"
)

func TestEveryErrorSaysWhatTheStatementWasForAndWrapsTheCause(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, nil)
	ctx := t.Context()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, none := pgquery.Value[int](ctx, pool, "count", "select 1 where false")
	_, notSent := pgquery.Value[int](ended, pool, "count", "select 1")
	_, rows := pgquery.Column[string](ctx, pool, "count", "select 1 / $1::int", 0)
	_, value := pgquery.Value[int](ctx, pool, "count", "select 1 / $1::int", 0)
	exec := pgquery.Exec(ctx, pool, "count", "select 1 / $1::int", 0)
	for name, err := range map[string]error{"no row": none, "not sent": notSent, "rows": rows, "value": value, "exec": exec} {
		if err == nil || !strings.HasPrefix(err.Error(), "count: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !errors.Is(none, pgx.ErrNoRows) || !errors.Is(notSent, context.Canceled) {
		t.Errorf("no row: %v; not sent: %v", none, notSent)
	}
	for name, err := range map[string]error{"rows": rows, "value": value, "exec": exec} {
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "22012" { // division_by_zero
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAQueryWithoutRowsReturnsAnEmptyListAndKeepsNoConnection(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, nil)
	names, err := pgquery.Column[string](t.Context(), pool, "read", "select 'a' where false")
	if names == nil || len(names) > 0 || err != nil {
		t.Errorf("%#v, %v", names, err)
	}
	n, err := pgquery.Value[*int](t.Context(), pool, "read", "select null::int from generate_series(1, 2)")
	if n != nil || err != nil {
		t.Errorf("%v, %v", n, err)
	}
	if n := pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are still in use", n)
	}
}
