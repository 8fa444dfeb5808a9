// Package pgquery runs a statement and returns what came of it, or an error
// that says what the statement was for: doing, such as "read the last runs",
// comes first in each error, and the driver's error is wrapped.
package pgquery

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A Queryer is a pool, a connection or a transaction.
type Queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// An Execer is a pool, a connection or a transaction.
type Execer interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

// Rows returns the rows of a query, each as read returns it; not nil if there are none.
func Rows[T any](ctx context.Context, db Queryer, doing string, read pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, _ := db.Query(ctx, sql, args...) // the error is that of rows, too
	all, err := pgx.CollectRows(rows, read)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	return all, nil
}

// Column returns the one column of a query; not nil if there are no rows.
func Column[T any](ctx context.Context, db Queryer, doing, sql string, args ...any) ([]T, error) {
	return Rows(ctx, db, doing, pgx.RowTo[T], sql, args...)
}

// Value returns the one column of the first row; without a row, the error is
// pgx.ErrNoRows.
func Value[T any](ctx context.Context, db Queryer, doing, sql string, args ...any) (T, error) {
	rows, _ := db.Query(ctx, sql, args...) // the error is that of rows, too
	value, err := pgx.CollectOneRow(rows, pgx.RowTo[T])
	if err != nil {
		var zero T
		return zero, fmt.Errorf("%s: %w", doing, err)
	}
	return value, nil
}

// Exec executes a statement that returns nothing.
func Exec(ctx context.Context, db Execer, doing, sql string, args ...any) error {
	if _, err := db.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
