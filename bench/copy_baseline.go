package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

// measureCopy copies users and their identities from files into equal tables
// with the same keys, in one transaction.
func (d *database) measureCopy(ctx context.Context) (c postgresCost, err error) {
	const createTables = `create schema baseline;
create table baseline.users (like logto.users including all excluding indexes, primary key (tenant_id, id));
create table baseline.user_identities (like logto.user_identities including all excluding indexes,
    primary key (tenant_id, user_id, target), foreign key (tenant_id, user_id) references baseline.users deferrable initially deferred)`
	if _, err := d.Exec(ctx, createTables); err != nil {
		return c, err
	}
	conn, err := d.Acquire(ctx)
	if err != nil {
		return c, err
	}
	defer conn.Release()
	tables := []string{"users", "user_identities"}
	path := func(table string) string { return filepath.Join(d.harness.Dir, table+".copy") }
	for _, table := range tables {
		f, err := os.Create(path(table))
		if err != nil {
			return c, err
		}
		defer f.Close()
		if _, err := conn.Conn().PgConn().CopyTo(ctx, f, "copy (select * from logto."+table+") to stdout"); err != nil {
			return c, err
		}
	}
	c, err = d.costOf(ctx, func() error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for _, table := range tables {
				f, err := os.Open(path(table))
				if err != nil {
					return err
				}
				defer f.Close()
				if _, err := tx.Conn().PgConn().CopyFrom(ctx, f, "copy baseline."+table+" from stdin"); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err == nil {
		_, err = d.Exec(ctx, "drop schema baseline cascade")
	}
	return c, err
}
