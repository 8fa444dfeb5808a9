package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"logto-syncer/bench/host"
)

// A million is the measurement of a big tenant beside a tenth of it.
type million struct {
	*database
	big      *bigTenant
	small    simulated
	nSmall   int
	firsts   []float64 // seconds of the big one's first runs with no reader beside them
	tenths   []float64 // and of the small one's
	smallRSS float64   // MB
	seen     []seen    // of readers during publishes of the big tenant
}

// measureMillion runs a big tenant for the first time, again, and after 1 %
// has changed. Nothing after it reads that tenant.
func measureMillion(ctx context.Context, l *lab) (rows []row, err error) {
	m := &million{nSmall: l.rows(100_000)}
	if m.big, err = l.bigTenant(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.endBigTenant()) }()
	var stop func() error
	if m.small, stop, err = l.ownSimulator(ctx, "-users", strconv.Itoa(m.nSmall), "-organizations", "100"); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := m.turns(ctx, l); err != nil {
		return nil, err
	}
	if m.database, err = l.database(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.drop(ctx)) }()
	for _, measure := range []func(context.Context) ([]row, error){m.firstRead, m.yardstick, m.refresh, m.fewChanges, m.keysAlone} {
		some, err := measure(ctx)
		rows = append(rows, some...)
		if err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// refresh runs the big tenant again, unchanged.
func (m *million) refresh(ctx context.Context) ([]row, error) {
	e, wal, cpu, err := m.night(ctx, m.big.simulated, "big")
	if err != nil {
		return nil, err
	}
	users := thousands(m.big.users) + " users"
	perMillion := 1e6 / float64(m.big.users)
	return []row{
		atMost("loading, nothing changed", "processor seconds of Postgres for a refresh of "+users+" ÷ the same for COPY of them", cpu/m.big.base.cpu, 0.3, "",
			fmt.Sprintf("%.2f s, %.2f s", cpu, m.big.base.cpu)),
		atMost("WAL of a run without changes", users, float64(wal)/1e6, 1, " MB", fmt.Sprintf("%d bytes", wal)),
		atMost("CPU of the program", "seconds per 1,000,000 users refreshed", e.cpu*perMillion, 30, " s", fmt.Sprintf("%.1f s in all, %.0f MB", e.seconds, e.rss)),
	}, nil
}

// fewChanges runs the big tenant after one user in a hundred has signed in, as
// people do every day, and after one in a hundred got a new name, which is in
// an index: without images of pages. A sign-in also as the first run after a
// checkpoint, when the WAL holds an image of every page that is touched; what a
// new name writes then is in the row on the indexes for analysts. The promise
// is of the former: which pages the changed rows are on is chance, and a database
// that stores them spread over its pages has to log those, whoever writes. And
// of sign-ins, for a new name is written to every index, as many as analysts
// have; what names cost the mirror itself is measured without those.
func (m *million) fewChanges(ctx context.Context) (rows []row, err error) {
	for _, after := range []struct{ images, what string }{{"off", signIn}, {"off", rename}, {"on", signIn}} {
		if err := m.images(ctx, after.images); err != nil {
			return rows, err
		}
		r, err := m.afterChange(ctx, after.what, "history and the indexes for analysts kept")
		if err != nil {
			return rows, errors.Join(err, m.images(ctx, "on"))
		}
		r.noBar = after.what == rename || after.images == "on"
		if after.images == "on" {
			r.what, r.how = r.what+", after a checkpoint", r.how+", images of pages included"
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// keysAlone is a change of names where nobody has made an index but the keys.
func (m *million) keysAlone(ctx context.Context) (rows []row, err error) {
	release, err := m.keepIndexesAway(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	const indexes = `select string_agg(format('drop index %s', indexrelid::regclass), '; ')
from pg_index where indrelid = 'logto.users'::regclass and not indisprimary`
	var drop string
	if err := m.QueryRow(ctx, indexes).Scan(&drop); err != nil {
		return nil, err
	}
	if _, err := m.Exec(ctx, drop); err != nil {
		return nil, err
	}
	if err := m.images(ctx, "off"); err != nil {
		return nil, err
	}
	r, err := m.afterChange(ctx, rename, "history and the keys kept, no indexes for analysts")
	r.what += ", keys alone"
	return []row{r}, errors.Join(err, m.images(ctx, "on"))
}

// images sets whether the server logs images of pages after a checkpoint.
func (m *million) images(ctx context.Context, value string) error {
	if _, err := m.admin.Exec(ctx, "alter system set full_page_writes = "+value); err != nil {
		return err
	}
	_, err := m.admin.Exec(ctx, "select pg_reload_conf()")
	return err
}

// afterChange measures the WAL of a run that finds one user in a hundred
// changed, and says what else the run has to keep.
func (m *million) afterChange(ctx context.Context, what, kept string) (row, error) {
	changed := m.big.users / 100
	if err := m.big.ask(ctx, "/change", map[string][]string{"users": {strconv.Itoa(changed)}, "what": {what}}); err != nil {
		return row{}, err
	}
	e, wal, _, err := m.night(ctx, m.big.simulated, "big")
	if err != nil {
		return row{}, err
	}
	if n := int(e.summary.Listings[0].Updated); n != changed {
		return row{}, fmt.Errorf("%d users were changed, %d rows are", changed, n)
	}
	var size int64
	const sql = "select sum(pg_column_size(u.*)) * $1 / count(*) from logto.users u where tenant_id = 'big'"
	if err := m.QueryRow(ctx, sql, changed).Scan(&size); err != nil {
		return row{}, err
	}
	how := fmt.Sprintf("WAL bytes ÷ bytes of the rows of %s users (%s), %s", thousands(changed), what, kept)
	return atMost("1 % changed: "+what, how, float64(wal)/float64(size), 6, "", fmt.Sprintf("%.2f MB, %.2f MB; %.1f s", float64(wal)/1e6, float64(size)/1e6, e.seconds)), nil
}

// night runs a tenant's users and returns what it took, the WAL it wrote and
// the processor seconds of Postgres.
func (d *database) night(ctx context.Context, s simulated, tenant string) (e *effort, wal int64, cpu float64, err error) {
	// What autovacuum and the checkpointer do within minutes is done.
	for _, sql := range []string{"vacuum analyze", "checkpoint"} {
		if _, err := d.Exec(ctx, sql); err != nil {
			return nil, 0, 0, err
		}
	}
	from, err := d.wal(ctx)
	if err != nil {
		return nil, 0, 0, err
	}
	before, err := host.CPU(d.lab.server)
	if err != nil {
		return nil, 0, 0, err
	}
	if e, err = d.syncer(ctx, s, tenant, "none", "run", "users"); err != nil {
		return nil, 0, 0, err
	}
	after, err := host.CPU(d.lab.server)
	if err != nil {
		return nil, 0, 0, err
	}
	to, err := d.wal(ctx)
	return e, to - from, after - before, err
}
