package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A readerProbe queries single users, one after another, before and during a
// publication.
type readerProbe struct {
	cancel          context.CancelFunc
	ended           chan error
	latencies       []time.Duration
	publishSeen     time.Time     // when the publication was first seen
	publishDuration time.Duration // from then until it was committed
	latenciesAtRest []time.Duration
	lockTimeouts    int
}

// restDuration is how long readers are measured at rest.
const restDuration = 3 * time.Second

// probeReaders measures readers of the small tenant at rest, and then during a
// publication until stop.
func (d *database) probeReaders(ctx context.Context) (*readerProbe, error) {
	conn, err := pgx.Connect(ctx, d.harness.URL(d.name))
	if err != nil {
		return nil, err
	}
	// Waiting for a lock shows as an error, not as a slow query.
	if _, err := conn.Exec(ctx, "set lock_timeout = '20ms'"); err != nil {
		return nil, err
	}
	var ids []string
	if err := conn.QueryRow(ctx, "select array_agg(id order by md5(id)) from (select id from logto.users limit 20000) u").Scan(&ids); err != nil {
		return nil, err
	}
	w := &readerProbe{ended: make(chan error, 1)}
	for began := time.Now(); time.Since(began) < restDuration; {
		if err := w.query(ctx, conn, ids); err != nil {
			return nil, err
		}
	}
	w.latenciesAtRest, w.latencies = w.latencies[len(w.latencies)/10:], nil // the first ones warm the cache
	probeCtx, cancel := context.WithCancel(ctx)
	w.cancel = cancel
	go func() {
		err := w.queryDuringPublish(probeCtx, conn, ids)
		w.ended <- errors.Join(err, conn.Close(ctx))
	}()
	return w, nil
}

func (w *readerProbe) query(ctx context.Context, conn *pgx.Conn, ids []string) error {
	if err := sleep(ctx, time.Millisecond); err != nil { // two cores are shared with the publication: this is no load test
		return err
	}
	id := ids[len(w.latencies)%len(ids)]
	began := time.Now()
	var name *string
	err := conn.QueryRow(ctx, "select name from logto.users where tenant_id = 'small' and id = $1", id).Scan(&name)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "55P03" {
		w.lockTimeouts++
		err = nil
	}
	w.latencies = append(w.latencies, time.Since(began))
	return err
}

// queryDuringPublish looks now and then whether the publish has begun, and asks from
// then on until it is committed.
func (w *readerProbe) queryDuringPublish(ctx context.Context, conn *pgx.Conn, ids []string) error {
	const sql = `select exists (select from pg_stat_activity where application_name = 'logto-syncer' and state <> 'idle'
and (query like 'analyze%' or query like 'insert into logto.%'))`
	own := context.WithoutCancel(ctx) // cancelling a query breaks the connection
	for publishing := false; ctx.Err() == nil && !publishing; {
		if err := sleep(own, 50*time.Millisecond); err != nil {
			return err
		}
		if err := conn.QueryRow(own, sql).Scan(&publishing); err != nil {
			return err
		}
	}
	w.publishSeen = time.Now()
	for published := false; ctx.Err() == nil && !published; {
		if err := w.query(own, conn, ids); err != nil {
			return err
		}
		if len(w.latencies)%50 == 0 {
			if err := conn.QueryRow(own, "select exists (select from syncer.certificates where tenant_id = $1)", acme).Scan(&published); err != nil {
				return err
			}
		}
	}
	w.publishDuration = time.Since(w.publishSeen)
	return nil
}

// readerLatency is what readers notice of a publication.
type readerLatency struct {
	rest, publish         time.Duration // p99
	queries, lockTimeouts int
	seconds               float64
}

func (w *readerProbe) stop() (readerLatency, error) {
	w.cancel()
	err := <-w.ended
	during := w.latencies
	if len(during) == 0 {
		return readerLatency{}, errors.Join(err, errors.New("no query ran during the publication"))
	}
	return readerLatency{p99(w.latenciesAtRest), p99(during), len(during), w.lockTimeouts, w.publishDuration.Seconds()}, err
}

func p99(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)*99/100]
}

// results are the results for a publication of n rows.
func (s readerLatency) results(n int) []result {
	how := fmt.Sprintf("point queries while a publish of %s rows commits", thousands(n))
	return []result{
		atMost("readers during publish", "p99 of "+how+" ÷ p99 at rest", float64(s.publish)/float64(s.rest), 5, "",
			fmt.Sprintf("%s, %s; %d queries in %.1f s", s.publish.Round(time.Microsecond), s.rest.Round(time.Microsecond), s.queries, s.seconds)),
		atMost("readers blocked", how+": times a lock was waited for 20 ms", float64(s.lockTimeouts), 0, "", ""),
	}
}
