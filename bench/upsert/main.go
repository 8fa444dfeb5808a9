// Command upsert copies the users of a Logto tenant page by page, with one
// statement a row and one transaction a page: what one writes first. See
// package plain for what it is told by the environment, besides DATABASE_URL.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"

	"logto-syncer/bench/plain"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "upsert:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, plain.Table); err != nil {
		return err
	}
	var values, set []string
	for i, c := range plain.Columns {
		values = append(values, fmt.Sprintf("$%d", i+1))
		set = append(set, c+" = excluded."+c)
	}
	sql := "insert into plain_users (" + strings.Join(plain.Columns, ", ") + ") values (" + strings.Join(values, ", ") +
		") on conflict (id) do update set " + strings.Join(set, ", ")
	return plain.Pages(ctx, func(users []plain.User) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for _, u := range users {
				if _, err := tx.Exec(ctx, sql, u.Values()...); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
