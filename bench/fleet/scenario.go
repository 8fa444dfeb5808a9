package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/bench/host"
	"logto-syncer/internal/pgquery"
)

// A scenario is one measurement: a number of workers read a number of tenants for
// the first time, all due at the same time. kill of the workers are killed when a
// third of the tenants are proved, and not started again.
type scenario struct{ workers, tenants, kill int }

func (p scenario) String() string {
	if p.kill > 0 {
		return fmt.Sprintf("%d workers, %d killed", p.workers, p.kill)
	}
	if p.workers == 1 {
		return "1 worker"
	}
	return fmt.Sprintf("%d workers", p.workers)
}

const (
	scenarioTimeout = 15 * time.Minute
	idleDuration    = 5 * time.Second // how long idle workers are measured
)

func measureScenario(ctx context.Context, server *host.PostgresServer, bin string, tenants []*tenant, p scenario) (f scenarioMeasurement, err error) {
	ctx, cancel := context.WithTimeout(ctx, scenarioTimeout)
	defer cancel()
	tenants = tenants[:p.tenants]
	for _, t := range tenants {
		t.reset()
	}
	pool, drop, err := server.CreateDatabase(ctx, "fleet")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	jobs := filepath.Join(server.Dir, "jobs.yaml")
	if err := writeConfig(jobs, server.URL("fleet"), tenants); err != nil {
		return f, err
	}
	f = scenarioMeasurement{scenario: p, ledger: newLedger()}
	f.workerProcesses, err = startWorkers(ctx, bin, jobs, f.ledger, p.workers)
	if err == nil {
		err = f.runScenario(ctx, server, pool)
	}
	if err := errors.Join(err, stopWorkers(f.workerProcesses)); err != nil {
		return f, err
	}
	return f, f.findViolations(ctx, pool, tenants)
}

// runScenario measures the workers while they are idle, and then lets them run all
// tenants.
func (f *scenarioMeasurement) runScenario(ctx context.Context, server *host.PostgresServer, pool *pgxpool.Pool) (err error) {
	connections := func(ctx context.Context) (int, error) {
		return pgquery.Value[int](ctx, pool, "count connections",
			"select count(*) from pg_stat_activity where datname = current_database() and application_name = 'logto-syncer'")
	}
	measure := func(f func() error) (connectionMaximum int, postgresCPU float64, err error) {
		connectionMaximum, err = host.SampleMaximum(ctx, 100*time.Millisecond, connections, func() (err error) {
			postgresCPU, err = host.MeasureServerCPUTime(server.Server, f)
			return err
		})
		return connectionMaximum, postgresCPU, err
	}
	f.idleConnections, f.idleCPU, err = measure(func() error { return host.Sleep(ctx, idleDuration) })
	if err != nil {
		return err
	}
	before, err := host.CPUTime(os.Getpid())
	if err != nil {
		return err
	}
	due := time.Now()
	f.maxConnections, f.postgresCPU, err = measure(func() error { return f.runAllTenants(ctx, due) })
	if err != nil {
		return err
	}
	after, err := host.CPUTime(os.Getpid())
	f.simulatorCPU = after - before
	return errors.Join(err, f.measureQueueWaits(ctx, pool, due))
}

// runAllTenants enqueues the runs of all tenants, kills workers if the scenario says so, and
// waits until all tenants are proved.
func (f *scenarioMeasurement) runAllTenants(ctx context.Context, due time.Time) error {
	if err := f.workerProcesses[0].enqueueAll(ctx); err != nil {
		return err
	}
	f.enqueued = time.Since(due).Seconds()
	if f.kill > 0 {
		if err := f.awaitProved(ctx, f.tenants/3); err != nil {
			return err
		}
		f.killedAt = time.Now()
		for _, w := range f.workerProcesses[:f.kill] {
			if err := w.Process.Kill(); err != nil {
				return err
			}
		}
	}
	return f.awaitProved(ctx, f.tenants)
}
