package main

import (
	"context"
	"fmt"
	"time"

	"logto-syncer/bench/host"
)

// A postgresCost is what it takes to load or to refresh rows: seconds, bytes of WAL, and
// processor seconds of Postgres.
type postgresCost struct{ seconds, wal, cpu float64 }

func (c postgresCost) String() string {
	return fmt.Sprintf("%.1f s, %.2f MB of WAL, %.2f processor seconds of Postgres", c.seconds, c.wal/1e6, c.cpu)
}

// costOf returns what f costs, after a checkpoint.
func (d *database) costOf(ctx context.Context, f func() error) (c postgresCost, err error) {
	if _, err := d.Exec(ctx, "checkpoint"); err != nil {
		return c, err
	}
	c.wal, err = d.walOf(ctx, func() error {
		c.cpu, err = host.MeasureServerCPUTime(d.harness.Server, func() error {
			began := time.Now()
			defer func() { c.seconds = time.Since(began).Seconds() }()
			return f()
		})
		return err
	})
	return c, err
}

// walOf returns the bytes of WAL that the server writes while f runs.
func (d *database) walOf(ctx context.Context, f func() error) (written float64, err error) {
	var from string
	if err := d.QueryRow(ctx, "select pg_current_wal_insert_lsn()::text").Scan(&from); err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	err = d.QueryRow(ctx, "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::pg_lsn)::float8", from).Scan(&written)
	return written, err
}
