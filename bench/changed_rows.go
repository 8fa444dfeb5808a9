package main

import (
	"context"
	_ "embed" // fill_unread_tables.sql
	"errors"
	"fmt"
	"time"

	"logto-syncer/internal/pgquery"
	"logto-syncer/internal/report"
)

//go:embed sql/fill_unread_tables.sql
var fillUnreadTables string

// runUsersWithCost runs the users of the large tenant. The seconds are those to
// published.
func (d *database) runUsersWithCost(ctx context.Context, s simulator) (r *processResult, c postgresCost, err error) {
	// Autovacuum and the checkpointer would do this within minutes.
	if _, err := d.Exec(ctx, "vacuum analyze"); err != nil {
		return nil, c, err
	}
	c, err = d.costOf(ctx, func() error {
		r, err = d.run(ctx, s, acme, "users")
		return err
	})
	if err == nil {
		c.seconds = r.summary.Seconds
	}
	return r, c, err
}

// changedRowRuns runs the large tenant after one user in a hundred has changed,
// without and with the indexes for analysts. Before they are created, it fills
// the rest of the mirror. The people of the questions change before the last run.
func (t *queryTenant) changedRowRuns(ctx context.Context) (results []result, err error) {
	keysAlone, err := t.changedRowsWAL(ctx, rename, "off", "history and the keys kept, no indexes for analysts")
	if err != nil {
		return nil, err
	}
	keysAlone.name += ", keys alone"
	if _, err := t.run(ctx, t.simulator, acme, "questions"); err != nil {
		return nil, err
	}
	if _, err := t.Exec(ctx, fillUnreadTables); err != nil {
		return nil, fmt.Errorf("fill the tables that are not read: %w", err)
	}
	without, err := t.runAfterChanges(ctx, rename)
	if err != nil {
		return nil, err
	}
	t.allowIndexes()
	began := time.Now()
	created, _, err := report.EnsureIndexes(ctx, t.Pool)
	if err != nil || len(created) == 0 {
		return nil, errors.Join(err, errors.New("no index was created"))
	}
	seconds := time.Since(began).Seconds()
	// A sign-in changes no index, a new name changes every index of analysts, and
	// the first change of a page after a checkpoint logs an image of the page: how
	// many pages that is depends on where the rows are. So the promise is about
	// sign-ins without images; what names cost the mirror itself is keysAlone.
	for _, change := range []struct{ images, what string }{{"off", signIn}, {"off", rename}, {"on", signIn}} {
		r, err := t.changedRowsWAL(ctx, change.what, change.images, "history and the indexes for analysts kept")
		if err != nil {
			return nil, err
		}
		if change.what == rename || change.images == "on" {
			r.comparison = "" // informational
		}
		if change.images == "on" {
			r.name, r.method = r.name+", after a checkpoint", r.method+", images of pages included"
		}
		results = append(results, r)
	}
	with, err := t.runAfterChanges(ctx, secondDay)
	if err != nil {
		return nil, err
	}
	size, err := t.indexSizeResult(ctx, created, seconds)
	// A run without changes writes nothing, with or without indexes.
	return append(results, keysAlone, informational("indexes for analysts, 1 % changed", "seconds of a run of "+thousands(t.users)+" users with them ÷ without",
		with.seconds/without.seconds, " ×", fmt.Sprintf("%s; %s without", with, without)), size), err
}

// changedRowsWAL measures the WAL of a run that finds one user in a hundred
// changed, with images of pages (full_page_writes) on or off.
func (t *queryTenant) changedRowsWAL(ctx context.Context, what, images, kept string) (r result, err error) {
	if err := t.setFullPageWrites(ctx, images); err != nil {
		return r, err
	}
	c, err := t.runAfterChanges(ctx, what)
	if err := errors.Join(err, t.setFullPageWrites(ctx, "on")); err != nil {
		return r, err
	}
	size, err := pgquery.Value[float64](ctx, t, "measure the rows", "select sum(pg_column_size(u.*))::float8 * $1 / count(*) from logto.users u", t.changedUserCount())
	if err != nil {
		return r, err
	}
	method := fmt.Sprintf("WAL bytes ÷ bytes of the rows of %s users (%s), %s", thousands(t.changedUserCount()), what, kept)
	return atMost("1 % changed: "+what, method, c.wal/size, 6, "", fmt.Sprintf("%.2f MB, %.2f MB; %.1f s", c.wal/1e6, size/1e6, c.seconds)), nil
}

func (t *queryTenant) setFullPageWrites(ctx context.Context, value string) error {
	if _, err := t.harness.Admin.Exec(ctx, "alter system set full_page_writes = "+value); err != nil {
		return err
	}
	_, err := t.harness.Admin.Exec(ctx, "select pg_reload_conf()")
	return err
}

// changedUserCount is how many users change before a run.
func (t *queryTenant) changedUserCount() int { return t.users / 100 }

// runAfterChanges changes 1 % of the users and runs them.
func (t *queryTenant) runAfterChanges(ctx context.Context, what string) (c postgresCost, err error) {
	if err := t.change(ctx, t.changedUserCount(), what); err != nil {
		return c, err
	}
	r, c, err := t.runUsersWithCost(ctx, t.simulator)
	if err != nil {
		return c, err
	}
	// On their second day, the people of the questions change, too.
	if n := int(r.summary.Listings[0].Updated); n < t.changedUserCount() || n > t.changedUserCount() && what != secondDay {
		return c, fmt.Errorf("%d users were changed, but the run updated %d rows", t.changedUserCount(), n)
	}
	t.previousRunAt = t.lastRunAt
	err = t.QueryRow(ctx, "select max(published_at) from syncer.runs").Scan(&t.lastRunAt)
	return c, err
}

// indexSizeResult is the size of the indexes beside that of the tables.
func (t *queryTenant) indexSizeResult(ctx context.Context, created []string, seconds float64) (result, error) {
	const sql = `select sum(pg_relation_size(c.oid)) filter (where c.relkind = 'i' and c.relname = any($1)),
    sum(pg_table_size(c.oid)) filter (where c.relkind = 'r'), sum(pg_relation_size(c.oid)) filter (where c.relkind = 'i' and c.relname <> all($1))
from pg_class c
where c.relnamespace in ('logto'::regnamespace, 'logto_history'::regnamespace)`
	var indexes, tables, keys float64
	err := t.QueryRow(ctx, sql, created).Scan(&indexes, &tables, &keys)
	return informational("indexes for analysts, on disk", t.sizeText(), indexes/1e6, " MB",
		fmt.Sprintf("%d indexes, created in %.1f s; tables %.0f MB, their keys %.0f MB", len(created), seconds, tables/1e6, keys/1e6)), err
}
