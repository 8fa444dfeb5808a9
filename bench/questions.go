package main

import (
	"context"
	_ "embed" // what no run reads here
	"errors"
	"fmt"
	"strconv"
	"time"

	"logto-syncer/internal/report"
)

//go:embed sql/unread.sql
var unread string

// A crowd is a big tenant with all that the questions are about.
type crowd struct {
	*database
	simulated
	users, organizations int
	from, to             time.Time // when the last two runs were published
}

// acme is the tenant's name, as one of the questions knows it.
const acme = "acme"

// measureQuestions mirrors a big tenant, runs it with and without the indexes
// for analysts, and asks it all that docs/questions.md asks.
func measureQuestions(ctx context.Context, l *lab) (rows []row, err error) {
	c := &crowd{users: l.rows(1_000_000), organizations: l.rows(50_000)}
	var stop func() error
	c.simulated, stop, err = l.ownSimulator(ctx, "-users", strconv.Itoa(c.users), "-organizations", strconv.Itoa(c.organizations), "-orderly", "-people")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if c.database, err = l.database(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.drop(ctx)) }()
	if rows, err = c.nights(ctx); err != nil {
		return rows, err
	}
	if _, err := c.Exec(ctx, "vacuum analyze"); err != nil {
		return rows, err
	}
	for _, measure := range []func(context.Context) ([]row, error){c.questions, c.searches} {
		some, err := measure(ctx)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// nights fills the mirror, and measures runs without and with the indexes for
// analysts. The people of the questions have their second day before the last.
func (c *crowd) nights(ctx context.Context) (rows []row, err error) {
	release, err := c.keepIndexesAway(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if _, err := c.syncer(ctx, c.simulated, acme, "none", "run", "crowd"); err != nil {
		return nil, err
	}
	if _, err := c.Exec(ctx, unread); err != nil {
		return nil, fmt.Errorf("fill the rest: %w", err)
	}
	without, err := c.changedNight(ctx, rename)
	if err != nil {
		return nil, err
	}
	release()
	began := time.Now()
	made, err := report.EnsureIndexes(ctx, c.Pool)
	if err != nil || len(made) == 0 {
		return nil, errors.Join(err, errors.New("no index was made"))
	}
	took := time.Since(began).Seconds()
	with, err := c.changedNight(ctx, secondDay)
	if err != nil {
		return nil, err
	}
	disk, err := c.disk(ctx, made, took)
	return []row{compareNights(c.users, with, without), disk}, err
}

// keepIndexesAway holds the lock of who makes the indexes, so that no run makes
// them, until release is called, once or more often.
func (d *database) keepIndexesAway(ctx context.Context) (release func(), err error) {
	conn, err := d.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	held := conn.Hijack()
	_, err = held.Exec(ctx, "select pg_advisory_lock($1)", report.IndexLock)
	return func() {
		_, _ = held.Exec(ctx, "select pg_advisory_unlock($1)", report.IndexLock) // closing alone does not wait for the server
		_ = held.Close(context.WithoutCancel(ctx))
	}, err
}

// disk is what the indexes take beside the tables.
func (c *crowd) disk(ctx context.Context, made []string, took float64) (row, error) {
	const sql = `select sum(pg_relation_size(c.oid)) filter (where c.relkind = 'i' and c.relname = any($1)),
    sum(pg_table_size(c.oid)) filter (where c.relkind = 'r'), sum(pg_relation_size(c.oid)) filter (where c.relkind = 'i' and c.relname <> all($1))
from pg_class c
where c.relnamespace in ('logto'::regnamespace, 'logto_history'::regnamespace)`
	var indexes, tables, keys float64
	err := c.QueryRow(ctx, sql, made).Scan(&indexes, &tables, &keys)
	return row{
		what: "indexes for analysts, on disk", how: c.size(), value: indexes / 1e6, unit: " MB", noBar: true,
		detail: fmt.Sprintf("%d indexes, made in %.1f s; tables %.0f MB, their keys %.0f MB", len(made), took, tables/1e6, keys/1e6),
	}, err
}

func (c *crowd) size() string {
	return thousands(c.users) + " users, " + thousands(c.organizations) + " organizations"
}
