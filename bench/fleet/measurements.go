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
	"logto-syncer/internal/pgquery"
)

// scenarioMeasurement are the results of one scenario.
type scenarioMeasurement struct {
	scenario
	*ledger
	workerProcesses []*worker

	seconds  float64 // from the due time to the last publication
	enqueued float64 // seconds to enqueue all runs

	postgresCPU, simulatorCPU float64 // seconds of processor time
	idleCPU                   float64 // of Postgres, in idleDuration

	medianWait, longestWait float64 // seconds from the due time to the start of a run
	overtaken               int     // the maximum of tenants that started before one ahead of them in the queue
	medianRun               float64 // seconds
	startedRuns             int

	idleConnections, maxConnections int

	killedAt time.Time

	unproved, different, concurrent, overLimit []string // tenants
	maxInWindow                                int      // requests to a tenant
}

// queuedTenants are the tenants in the order of the queue.
const queuedTenants = `
select r.began, r.published, r.seconds, r.runs
from syncer_queue.river_job j
join (
    select tenant_id, min(started_at) as began, min(published_at) as published,
        coalesce(min(seconds) filter (where attempt = 1), 0) as seconds, count(*) as runs
    from syncer.runs group by tenant_id
) r on r.tenant_id = j.args ->> 'tenant'
where j.kind = 'run' order by j.id`

// measureQueueWaits measures how long the tenants waited from the due time.
func (f *scenarioMeasurement) measureQueueWaits(ctx context.Context, pool *pgxpool.Pool, due time.Time) error {
	type turn struct {
		Began     time.Time
		Published *time.Time
		Seconds   float64
		Runs      int
	}
	turns, err := pgquery.Rows(ctx, pool, "read the queue", pgx.RowToStructByName[turn], queuedTenants)
	if err != nil {
		return err
	}
	var waits, runs []float64
	for i, t := range turns {
		waits, runs = append(waits, t.Began.Sub(due).Seconds()), append(runs, t.Seconds)
		f.startedRuns += t.Runs
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
	f.medianWait, f.longestWait, f.medianRun = host.Median(waits), slices.Max(append(waits, 0)), host.Median(runs)
	return nil
}

// workerCPU is the processor time in seconds of the workers, which have ended.
func (f *scenarioMeasurement) workerCPU() (seconds float64) {
	for _, w := range f.workerProcesses {
		seconds += (w.ProcessState.UserTime() + w.ProcessState.SystemTime()).Seconds()
	}
	return seconds
}

// tenantsPerMinute is the number of tenants proved per minute.
func (f *scenarioMeasurement) tenantsPerMinute() float64 { return float64(f.tenants) / f.seconds * 60 }

// runsPerWorkerRange returns the fewest and the most runs of a worker that was not
// killed.
func (f *scenarioMeasurement) runsPerWorkerRange() (fewest, most int) {
	var counts []int
	for _, w := range f.workerProcesses {
		if !w.EndedBySignal() {
			counts = append(counts, w.runs)
		}
	}
	return slices.Min(counts), slices.Max(counts)
}

// violationError returns an error with everything that must not happen.
func (f *scenarioMeasurement) violationError() error {
	var errs []error
	for _, bad := range []struct {
		what    string
		tenants []string
	}{
		{"were not proved", f.unproved},
		{"differ from their mirrors", f.different},
		{"were read by two workers at once", f.concurrent},
		{fmt.Sprintf("saw more than %d requests in %s", limit, window), f.overLimit},
	} {
		if n := len(bad.tenants); n > 0 {
			errs = append(errs, fmt.Errorf("%s: %d tenants %s: %s", f.scenario, n, bad.what, strings.Join(bad.tenants[:min(n, 10)], " ")))
		}
	}
	if n := len(f.rescued); f.kill == 0 && n > 0 {
		errs = append(errs, fmt.Errorf("%s: %d runs were rescued, but no worker died", f.scenario, n))
	}
	return errors.Join(errs...)
}
