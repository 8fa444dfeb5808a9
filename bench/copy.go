package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

// copied is what COPY took for the rows of the big tenant.
type copied struct{ seconds, cpu float64 }

// copyAgain copies the rows of the big tenant from files into equal tables
// with their keys, in one transaction: the yardstick of the rows that load.
func (m *million) copyAgain(ctx context.Context) ([]row, error) {
	const equal = `create schema yardstick;
create table yardstick.users (like logto.users including all);
create table yardstick.user_identities (like logto.user_identities including all,
    foreign key (tenant_id, user_id) references yardstick.users deferrable initially deferred)`
	if _, err := m.Exec(ctx, equal); err != nil {
		return nil, err
	}
	tables := []string{"users", "user_identities"}
	for _, table := range tables {
		sql := "copy (select * from logto." + table + " where tenant_id = 'big') to stdout"
		if err := m.transfer(ctx, table, os.O_CREATE|os.O_WRONLY, sql); err != nil {
			return nil, err
		}
	}
	if _, err := m.Exec(ctx, "checkpoint"); err != nil {
		return nil, err
	}
	before, err := m.lab.cpu()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	err = pgx.BeginFunc(ctx, m.Pool, func(tx pgx.Tx) error {
		for _, table := range tables {
			f, err := os.Open(m.file(table))
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
		return nil, err
	}
	m.base.seconds = time.Since(began).Seconds()
	after, err := m.lab.cpu()
	if err != nil {
		return nil, err
	}
	m.base.cpu = after - before
	if _, err := m.Exec(ctx, "drop schema yardstick cascade"); err != nil {
		return nil, err
	}
	return []row{{what: "COPY, the yardstick", how: fmt.Sprintf("%s users and their identities from files into equal tables with their keys", thousands(m.nBig)),
		value: m.base.seconds, unit: " s", noBar: true, detail: fmt.Sprintf("%.2f processor seconds of Postgres", m.base.cpu)}}, nil
}

func (m *million) file(table string) string { return filepath.Join(m.lab.dir, table+".copy") }

// transfer copies rows out into a file.
func (m *million) transfer(ctx context.Context, table string, flag int, sql string) error {
	f, err := os.OpenFile(m.file(table), flag, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	conn, err := m.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	_, err = conn.Conn().PgConn().CopyTo(ctx, io.Writer(f), sql)
	return err
}
