// Command copymerge copies the users of a Logto tenant page by page into a
// temporary table and merges that into the table at the end, by one insert
// with on conflict do update: what one writes when the first way is too slow.
// See package plain for what it is told by the environment, besides
// DATABASE_URL.
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
		fmt.Fprintln(os.Stderr, "copymerge:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, plain.Table+"; create temporary table arrived (like plain_users)"); err != nil {
		return err
	}
	err = plain.Pages(ctx, func(users []plain.User) error {
		source := pgx.CopyFromSlice(len(users), func(i int) ([]any, error) { return users[i].Values(), nil })
		_, err := conn.CopyFrom(ctx, pgx.Identifier{"arrived"}, plain.Columns, source)
		return err
	})
	if err != nil {
		return err
	}
	var set []string
	for _, c := range plain.Columns {
		set = append(set, c+" = excluded."+c)
	}
	// A row that came twice would be updated twice, which Postgres refuses.
	_, err = conn.Exec(ctx, "insert into plain_users select distinct on (id) * from arrived on conflict (id) do update set "+strings.Join(set, ", "))
	return err
}
