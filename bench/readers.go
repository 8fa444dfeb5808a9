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

// A watch asks for single users, one after another, and tells when a publish
// was under way.
type watch struct {
	cancel context.CancelFunc
	ended  chan error
	asked  []time.Duration
	from   time.Time     // when the publish was first seen
	lasted time.Duration // from then until it was committed
	rest   []time.Duration
	locked int
}

// atRest is how long readers are measured while nothing is going on.
const atRest = 3 * time.Second

// watch measures readers of the small tenant at rest, and goes on until stop.
func (d *database) watch(ctx context.Context) (*watch, error) {
	conn, err := pgx.Connect(ctx, d.lab.server.URL(d.name))
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
	w := &watch{ended: make(chan error, 1)}
	for began := time.Now(); time.Since(began) < atRest; {
		if err := w.ask(ctx, conn, ids); err != nil {
			return nil, err
		}
	}
	w.rest, w.asked = w.asked[len(w.asked)/10:], nil // the first ones warm the cache
	asking, cancel := context.WithCancel(ctx)
	w.cancel = cancel
	go func() {
		err := w.keepAsking(asking, conn, ids)
		w.ended <- errors.Join(err, conn.Close(ctx))
	}()
	return w, nil
}

func (w *watch) ask(ctx context.Context, conn *pgx.Conn, ids []string) error {
	if err := rest(ctx, time.Millisecond); err != nil { // a reader, not a load test: two cores are shared with the publish
		return err
	}
	id := ids[len(w.asked)%len(ids)]
	began := time.Now()
	var name *string
	err := conn.QueryRow(ctx, "select name from logto.users where tenant_id = 'small' and id = $1", id).Scan(&name)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "55P03" {
		w.locked++
		err = nil
	}
	w.asked = append(w.asked, time.Since(began))
	return err
}

// rest waits, unless ctx ends first.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// keepAsking looks now and then whether the publish has begun, and asks from
// then on until it is committed.
func (w *watch) keepAsking(ctx context.Context, conn *pgx.Conn, ids []string) error {
	const sql = `select exists (select from pg_stat_activity where application_name = 'logto-syncer' and state <> 'idle'
and (query like 'analyze%' or query like 'insert into logto.%'))`
	own := context.WithoutCancel(ctx) // a query that is broken off breaks the connection
	for publishing := false; ctx.Err() == nil && !publishing; {
		if err := rest(own, 50*time.Millisecond); err != nil {
			return err
		}
		if err := conn.QueryRow(own, sql).Scan(&publishing); err != nil {
			return err
		}
	}
	w.from = time.Now()
	for published := false; ctx.Err() == nil && !published; {
		if err := w.ask(own, conn, ids); err != nil {
			return err
		}
		if len(w.asked)%50 == 0 {
			if err := conn.QueryRow(own, "select exists (select from syncer.certificates where tenant_id = $1)", acme).Scan(&published); err != nil {
				return err
			}
		}
	}
	w.lasted = time.Since(w.from)
	return nil
}

// seen is what readers noticed of a publish.
type seen struct {
	rest, publish time.Duration // p99
	asked, locked int
	seconds       float64
}

func (w *watch) stop() (seen, error) {
	w.cancel()
	err := <-w.ended
	during := w.asked
	if len(during) == 0 {
		return seen{}, errors.Join(err, errors.New("no query was asked while the run was published"))
	}
	return seen{p99(w.rest), p99(during), len(during), w.locked, w.lasted.Seconds()}, err
}

func p99(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)*99/100]
}

// rows is what readers noticed of a publish of so many rows.
func (s seen) rows(n int) []row {
	how := fmt.Sprintf("point queries while a publish of %s rows commits", thousands(n))
	return []row{
		atMost("readers during publish", "p99 of "+how+" ÷ p99 at rest", float64(s.publish)/float64(s.rest), 5, "",
			fmt.Sprintf("%s, %s; %d queries in %.1f s", s.publish.Round(time.Microsecond), s.rest.Round(time.Microsecond), s.asked, s.seconds)),
		atMost("readers blocked", how+": times a lock was waited for 20 ms", float64(s.locked), 0, "", ""),
	}
}
