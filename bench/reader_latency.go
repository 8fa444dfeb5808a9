package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/bench/host"
	"logto-syncer/internal/pgquery"
)

// firstReadWithReaders reads the large tenant for the first time, while others
// query the users of another tenant.
func (m *largeTenantReads) firstReadWithReaders(ctx context.Context, d *database) ([]result, error) {
	if err := d.blockIndexCreation(ctx); err != nil {
		return nil, err
	}
	const otherTenant = `insert into logto.users (tenant_id, id, name, item_hash, valid_from)
select 'small', left(md5(n::text), 12), 'Somebody ' || n, '\x00', now() from generate_series(1, 100000) n`
	if _, err := d.Exec(ctx, otherTenant); err != nil {
		return nil, err
	}
	return d.measureReaders(ctx, m.large.users, func() error {
		r, err := d.run(ctx, m.large.simulator, acme, "users")
		if err == nil {
			m.memory = append(m.memory, r.memory)
		}
		return err
	})
}

// A readerProbe queries single users, one after another.
type readerProbe struct {
	conn         *pgx.Conn
	ids          []string
	latencies    []time.Duration
	lockTimeouts int
	seconds      float64 // from when the publication was first seen until it was committed
}

// restDuration is how long readers are measured at rest.
const restDuration = 3 * time.Second

// measureReaders measures readers of the small tenant at rest, and then during the
// publication of n rows by run.
func (d *database) measureReaders(ctx context.Context, n int, run func() error) ([]result, error) {
	conn, err := pgx.Connect(ctx, d.harness.URL(d.name))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	// Waiting for a lock shows as an error, not as a slow query.
	if _, err := conn.Exec(ctx, "set lock_timeout = '20ms'"); err != nil {
		return nil, err
	}
	ids, err := pgquery.Column[string](ctx, conn, "list users", "select id from (select id from logto.users limit 20000) u order by md5(id)")
	if err != nil {
		return nil, err
	}
	p := &readerProbe{conn: conn, ids: ids}
	for began := time.Now(); time.Since(began) < restDuration; {
		if err := p.query(ctx); err != nil {
			return nil, err
		}
	}
	atRest := host.Percentile(p.latencies[len(p.latencies)/10:], 99) // the first ones warm the cache
	p.latencies = nil
	if err := host.RunWithBackground(ctx, run, p.queryDuringPublish); err != nil {
		return nil, err
	}
	if len(p.latencies) == 0 {
		return nil, errors.New("no query ran during the publication")
	}
	during := host.Percentile(p.latencies, 99)
	how := fmt.Sprintf("point queries while a publish of %s rows commits", thousands(n))
	return []result{
		atMost("readers during publish", "p99 of "+how+" ÷ p99 at rest", float64(during)/float64(atRest), 5, "",
			fmt.Sprintf("%s, %s; %d queries in %.1f s", during.Round(time.Microsecond), atRest.Round(time.Microsecond), len(p.latencies), p.seconds)),
		atMost("readers blocked", how+": times a lock was waited for 20 ms", float64(p.lockTimeouts), 0, "", ""),
	}, nil
}

func (p *readerProbe) query(ctx context.Context) error {
	if err := host.Sleep(ctx, time.Millisecond); err != nil { // two cores are shared with the publication: this is no load test
		return err
	}
	began := time.Now()
	var name *string
	err := p.conn.QueryRow(ctx, "select name from logto.users where tenant_id = 'small' and id = $1", p.ids[len(p.latencies)%len(p.ids)]).Scan(&name)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "55P03" {
		p.lockTimeouts++
		err = nil
	}
	p.latencies = append(p.latencies, time.Since(began))
	return err
}

// queryDuringPublish looks now and then whether the publish has begun, and asks from
// then on until it is committed.
func (p *readerProbe) queryDuringPublish(ctx context.Context) error {
	const publishingSQL = `select exists (select from pg_stat_activity where application_name = 'logto-syncer' and state <> 'idle'
and (query like 'analyze%' or query like 'insert into logto.%'))`
	own := context.WithoutCancel(ctx) // cancelling a query breaks the connection
	for publishing := false; ctx.Err() == nil && !publishing; {
		if err := host.Sleep(own, 50*time.Millisecond); err != nil {
			return err
		}
		if err := p.conn.QueryRow(own, publishingSQL).Scan(&publishing); err != nil {
			return err
		}
	}
	seen := time.Now()
	for published := false; ctx.Err() == nil && !published; {
		if err := p.query(own); err != nil {
			return err
		}
		if len(p.latencies)%50 == 0 {
			if err := p.conn.QueryRow(own, "select exists (select from syncer.certificates where tenant_id = $1)", acme).Scan(&published); err != nil {
				return err
			}
		}
	}
	p.seconds = time.Since(seen).Seconds()
	return nil
}
