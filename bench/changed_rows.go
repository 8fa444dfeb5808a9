package main

import (
	"context"
	_ "embed" // what no run reads here
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"logto-syncer/bench/host"
	"logto-syncer/internal/report"
)

//go:embed sql/fill_unread_tables.sql
var fillUnreadTables string

// A runCost is what a run of the users cost: seconds to published, bytes of WAL,
// and processor seconds of Postgres.
type runCost struct{ seconds, wal, cpu float64 }

// runUsersWithCost runs the users of the big tenant.
func (d *database) runUsersWithCost(ctx context.Context, s simulatorInfo) (e *processResult, n runCost, err error) {
	// What autovacuum and the checkpointer do within minutes is done.
	for _, sql := range []string{"vacuum analyze", "checkpoint"} {
		if _, err := d.Exec(ctx, sql); err != nil {
			return nil, n, err
		}
	}
	from, err := d.walPosition(ctx)
	if err != nil {
		return nil, n, err
	}
	before, err := host.CPU(d.lab.server)
	if err != nil {
		return nil, n, err
	}
	if e, err = d.syncer(ctx, s, acme, "none", "run", "users"); err != nil {
		return nil, n, err
	}
	after, err := host.CPU(d.lab.server)
	if err != nil {
		return nil, n, err
	}
	to, err := d.walPosition(ctx)
	return e, runCost{e.summary.Seconds, float64(to - from), after - before}, err
}

// changedRows runs the big tenant after one user in a hundred has changed, without
// and with the indexes for analysts, and fills the rest of the mirror before
// they are made. The people of the questions have their second day on the last.
func (c *questionTenant) changedRows(ctx context.Context) (rows []result, err error) {
	alone, err := c.changedRowsResult(ctx, rename, "off", "history and the keys kept, no indexes for analysts")
	if err != nil {
		return nil, err
	}
	alone.name += ", keys alone"
	if _, err := c.syncer(ctx, c.simulatorInfo, acme, "none", "run", "crowd"); err != nil {
		return nil, err
	}
	if _, err := c.Exec(ctx, fillUnreadTables); err != nil {
		return nil, fmt.Errorf("fill the rest: %w", err)
	}
	without, err := c.runAfterChanges(ctx, rename)
	if err != nil {
		return nil, err
	}
	c.allowIndexes()
	began := time.Now()
	made, _, err := report.EnsureIndexes(ctx, c.Pool)
	if err != nil || len(made) == 0 {
		return nil, errors.Join(err, errors.New("no index was made"))
	}
	took := time.Since(began).Seconds()
	if rows, err = c.changedRowsWAL(ctx); err != nil {
		return nil, err
	}
	with, err := c.runAfterChanges(ctx, secondDay)
	if err != nil {
		return nil, err
	}
	disk, err := c.indexSize(ctx, made, took)
	return append(rows, alone, indexCost(c.users, with, without), disk), err
}

// changedRowsWAL runs the big tenant after one user in a hundred has signed in, as
// people do every day, and after one in a hundred got a new name, which is in
// an index: without images of pages. A sign-in also as the first run after a
// checkpoint, when the WAL holds an image of every page that is touched; what a
// new name writes then is in the row on the indexes for analysts. The promise
// is of the former: which pages the changed rows are on is chance, and a database
// that stores them spread over its pages has to log those, whoever writes. And
// of sign-ins, for a new name is written to every index, as many as analysts
// have; what names cost the mirror itself is measured without those.
func (c *questionTenant) changedRowsWAL(ctx context.Context) (rows []result, err error) {
	for _, after := range []struct{ images, what string }{{"off", signIn}, {"off", rename}, {"on", signIn}} {
		r, err := c.changedRowsResult(ctx, after.what, after.images, "history and the indexes for analysts kept")
		if err != nil {
			return nil, err
		}
		r.informational = after.what == rename || after.images == "on"
		if after.images == "on" {
			r.name, r.method = r.name+", after a checkpoint", r.method+", images of pages included"
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// changedRowsResult measures the WAL of a run that finds one user in a hundred
// changed, with images of pages on or off, and says what else the run has to
// keep.
func (c *questionTenant) changedRowsResult(ctx context.Context, what, images, kept string) (r result, err error) {
	if err := c.setFullPageWrites(ctx, images); err != nil {
		return r, err
	}
	n, err := c.runAfterChanges(ctx, what)
	if err := errors.Join(err, c.setFullPageWrites(ctx, "on")); err != nil {
		return r, err
	}
	var size float64
	const sql = "select sum(pg_column_size(u.*))::float8 * $1 / count(*) from logto.users u"
	if err := c.QueryRow(ctx, sql, c.changedUsers()).Scan(&size); err != nil {
		return r, err
	}
	how := fmt.Sprintf("WAL bytes ÷ bytes of the rows of %s users (%s), %s", thousands(c.changedUsers()), what, kept)
	return atMost("1 % changed: "+what, how, n.wal/size, 6, "", fmt.Sprintf("%.2f MB, %.2f MB; %.1f s", n.wal/1e6, size/1e6, n.seconds)), nil
}

// setFullPageWrites sets whether the server logs images of pages after a checkpoint.
func (c *questionTenant) setFullPageWrites(ctx context.Context, value string) error {
	if _, err := c.admin.Exec(ctx, "alter system set full_page_writes = "+value); err != nil {
		return err
	}
	_, err := c.admin.Exec(ctx, "select pg_reload_conf()")
	return err
}

// changedUsers is how many users change before a night.
func (c *questionTenant) changedUsers() int { return c.users / 100 }

// runAfterChanges runs the users after 1 % of them changed.
func (c *questionTenant) runAfterChanges(ctx context.Context, what string) (runCost, error) {
	change := url.Values{"users": {strconv.Itoa(c.changedUsers())}, "what": {what}}
	if err := c.post(ctx, "/change", change); err != nil {
		return runCost{}, err
	}
	e, n, err := c.runUsersWithCost(ctx, c.simulatorInfo)
	if err != nil {
		return runCost{}, err
	}
	// On their second day, the people of the questions change, too.
	if got := int(e.summary.Listings[0].Updated); got < c.changedUsers() || got > c.changedUsers() && what != secondDay {
		return runCost{}, fmt.Errorf("%d users were changed, %d rows are", c.changedUsers(), got)
	}
	c.previousRunAt = c.lastRunAt
	err = c.QueryRow(ctx, "select max(published_at) from syncer.runs").Scan(&c.lastRunAt)
	return n, err
}

// indexCost is what the indexes for analysts add to a run. To one that
// finds nothing changed they add nothing, for it writes nothing.
func indexCost(users int, with, without runCost) result {
	return result{
		name: "indexes for analysts, 1 % changed", method: "seconds of a run of " + thousands(users) + " users with them ÷ without",
		value: with.seconds / without.seconds, unit: " ×", informational: true,
		detail: fmt.Sprintf("%.1f s, %.2f MB of WAL, %.2f processor seconds of Postgres; %.1f s, %.2f MB, %.2f s without",
			with.seconds, with.wal/1e6, with.cpu, without.seconds, without.wal/1e6, without.cpu),
	}
}

// indexSize is what the indexes take beside the tables.
func (c *questionTenant) indexSize(ctx context.Context, made []string, took float64) (result, error) {
	const sql = `select sum(pg_relation_size(c.oid)) filter (where c.relkind = 'i' and c.relname = any($1)),
    sum(pg_table_size(c.oid)) filter (where c.relkind = 'r'), sum(pg_relation_size(c.oid)) filter (where c.relkind = 'i' and c.relname <> all($1))
from pg_class c
where c.relnamespace in ('logto'::regnamespace, 'logto_history'::regnamespace)`
	var indexes, tables, keys float64
	err := c.QueryRow(ctx, sql, made).Scan(&indexes, &tables, &keys)
	return result{
		name: "indexes for analysts, on disk", method: c.size(), value: indexes / 1e6, unit: " MB", informational: true,
		detail: fmt.Sprintf("%d indexes, made in %.1f s; tables %.0f MB, their keys %.0f MB", len(made), took, tables/1e6, keys/1e6),
	}, err
}
