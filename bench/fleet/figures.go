package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/bench/host"
)

// figures are what one part measured.
type figures struct {
	part
	entries
	seconds  float64 // from due to the publication of the last
	enqueued float64 // seconds it took to put all into the queue
	spent    spent

	median, longest float64 // seconds from due to the start of a run
	overtaken       int     // the most tenants behind another in the queue that began before it
	run             float64 // seconds of the median run
	begun           int     // runs

	restConnections, mostConnections int
	restCores                        float64 // of the database, nothing to do

	killedAt time.Time

	unproved, different, shared, overLimit []string // tenants
	mostInWindow                           int      // requests to a tenant
}

// rest measures the workers before there is work.
func (f *figures) rest(ctx context.Context, s *stand, pool *pgxpool.Pool) (err error) {
	f.restConnections, f.restCores, err = atRest(ctx, s, pool)
	return err
}

// queued are the tenants in the order of the queue.
const queued = `
select r.began, r.published, r.seconds, r.runs
from syncer_queue.river_job j
join (
    select tenant_id, min(started_at) as began, min(published_at) as published,
        coalesce(min(seconds) filter (where attempt = 1), 0) as seconds, count(*) as runs
    from syncer.runs group by tenant_id
) r on r.tenant_id = j.args ->> 'tenant'
where j.kind = 'run' order by j.id`

// line measures how the tenants stood in line from the moment they were due.
func (f *figures) line(ctx context.Context, pool *pgxpool.Pool, due time.Time) error {
	type turn struct {
		Began     time.Time
		Published *time.Time
		Seconds   float64
		Runs      int
	}
	rows, err := pool.Query(ctx, queued)
	if err != nil {
		return err
	}
	turns, err := pgx.CollectRows(rows, pgx.RowToStructByName[turn])
	if err != nil {
		return err
	}
	var waits, runs []float64
	for i, t := range turns {
		waits, runs = append(waits, t.Began.Sub(due).Seconds()), append(runs, t.Seconds)
		f.begun += t.Runs
		if t.Published != nil {
			f.seconds = max(f.seconds, t.Published.Sub(due).Seconds())
		}
		before := 0
		for _, behind := range turns[i+1:] {
			if behind.Began.Before(t.Began) {
				before++
			}
		}
		f.overtaken = max(f.overtaken, before)
	}
	f.median, f.longest, f.run = host.Median(waits), slices.Max(append(waits, 0)), host.Median(runs)
	return nil
}

// cost counts the processor time of workers that have ended.
func (f *figures) cost(workers []*worker) {
	for _, w := range workers {
		f.spent.workers += (w.cmd.ProcessState.UserTime() + w.cmd.ProcessState.SystemTime()).Seconds()
	}
}

// aMinute is how many tenants were proved in one.
func (f *figures) aMinute() float64 { return float64(f.tenants) / f.seconds * 60 }

// share is the fewest and the most runs of a worker that lived to the end.
func (f *figures) share() (fewest, most int) {
	var counts []int
	for w, n := range f.runs {
		if !killed(w.cmd.ProcessState) {
			counts = append(counts, n)
		}
	}
	for range f.workers - f.kill - len(counts) {
		counts = append(counts, 0) // has none, and so is not in the book
	}
	return slices.Min(counts), slices.Max(counts)
}

// broken is an error that says what must not be.
func (f *figures) broken() error {
	var errs []error
	for _, bad := range []struct {
		what    string
		tenants []string
	}{
		{"were not proved", f.unproved},
		{"differ from their mirrors", f.different},
		{"were worked by two at once", f.shared},
		{fmt.Sprintf("saw more than %d requests in %s", limit, window), f.overLimit},
	} {
		if n := len(bad.tenants); n > 0 {
			errs = append(errs, fmt.Errorf("%s: %d tenants %s: %s", f.part, n, bad.what, strings.Join(bad.tenants[:min(n, 10)], " ")))
		}
	}
	if n := len(f.takenOver); f.kill == 0 && n > 0 {
		errs = append(errs, fmt.Errorf("%s: %d runs were taken over, and nobody had died", f.part, n))
	}
	return errors.Join(errs...)
}
