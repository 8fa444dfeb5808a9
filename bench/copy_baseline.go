package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/bench/host"
)

// loadCost is what it took to get rows into the database, by COPY or otherwise.
type loadCost struct{ seconds, cpu float64 }

// measuredCopyBaseline returns what COPY of the users takes, and measures it if loading
// has not.
func (b *largeTenant) measuredCopyBaseline(ctx context.Context) (_ loadCost, err error) {
	if b.copyBaseline == (loadCost{}) {
		b.copyBaseline, err = b.mirror.measureCopy(ctx)
	}
	return b.copyBaseline, err
}

// measureCopy copies users and their identities from files into equal tables
// with their keys, in one transaction: the yardstick of the rows that load.
func (d *database) measureCopy(ctx context.Context) (took loadCost, err error) {
	const equal = `create schema yardstick;
create table yardstick.users (like logto.users including all excluding indexes, primary key (tenant_id, id));
create table yardstick.user_identities (like logto.user_identities including all excluding indexes,
    primary key (tenant_id, user_id, target), foreign key (tenant_id, user_id) references yardstick.users deferrable initially deferred)`
	if _, err := d.Exec(ctx, equal); err != nil {
		return took, err
	}
	tables := []string{"users", "user_identities"}
	for _, table := range tables {
		sql := "copy (select * from logto." + table + ") to stdout"
		if err := d.copyToFile(ctx, table, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, sql); err != nil {
			return took, err
		}
	}
	if _, err := d.Exec(ctx, "checkpoint"); err != nil {
		return took, err
	}
	before, err := host.CPU(d.lab.server)
	if err != nil {
		return took, err
	}
	began := time.Now()
	err = pgx.BeginFunc(ctx, d.Pool, func(tx pgx.Tx) error {
		for _, table := range tables {
			f, err := os.Open(d.copyFile(table))
			if err != nil {
				return err
			}
			defer f.Close()
			if _, err := tx.Conn().PgConn().CopyFrom(ctx, f, "copy yardstick."+table+" from stdin"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return took, err
	}
	took.seconds = time.Since(began).Seconds()
	after, err := host.CPU(d.lab.server)
	if err != nil {
		return took, err
	}
	took.cpu = after - before
	_, err = d.Exec(ctx, "drop schema yardstick cascade")
	return took, err
}

func (d *database) copyFile(table string) string { return filepath.Join(d.lab.dir, table+".copy") }

// copyToFile copies rows out into a file.
func (d *database) copyToFile(ctx context.Context, table string, flag int, sql string) error {
	f, err := os.OpenFile(d.copyFile(table), flag, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	conn, err := d.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	_, err = conn.Conn().PgConn().CopyTo(ctx, io.Writer(f), sql)
	return err
}
