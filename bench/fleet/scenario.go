package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
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

// scenarioTimeout bounds a scenario.
const scenarioTimeout = 15 * time.Minute

func measure(ctx context.Context, h *harness, tenants []*tenant, p scenario) (f measurements, err error) {
	ctx, cancel := context.WithTimeout(ctx, scenarioTimeout)
	defer cancel()
	tenants = tenants[:p.tenants]
	for _, t := range tenants {
		t.reset()
	}
	pool, drop, err := h.CreateDatabase(ctx, "fleet")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	jobs, err := h.configure(pool, tenants)
	if err != nil {
		return f, err
	}
	b := newLedger()
	workers, err := startWorkers(ctx, h.bin, jobs, b, p.workers)
	if err == nil {
		f, err = runScenario(ctx, h, pool, p, workers, b)
	}
	if err := errors.Join(err, stopWorkers(workers)); err != nil {
		return f, err
	}
	f.addWorkerCPU(workers)
	return f, f.verify(ctx, pool, tenants)
}

// startWorkers starts the workers concurrently. With an error, it also returns
// those that did start.
func startWorkers(ctx context.Context, bin, jobs string, b *ledger, n int) ([]*worker, error) {
	var (
		mu      sync.Mutex
		workers []*worker
		errs    error
		wg      sync.WaitGroup
	)
	for range n {
		wg.Go(func() {
			w, err := startWorker(ctx, bin, jobs, b)
			mu.Lock()
			defer mu.Unlock()
			if errs = errors.Join(errs, err); err == nil {
				workers = append(workers, w)
			}
		})
	}
	wg.Wait()
	return workers, errs
}

// runScenario lets the workers run all tenants and measures them.
func runScenario(ctx context.Context, h *harness, pool *pgxpool.Pool, p scenario, workers []*worker, b *ledger) (f measurements, err error) {
	f.scenario = p
	if err := f.measureIdle(ctx, h, pool); err != nil {
		return f, err
	}
	began, err := readCPUSeconds(h)
	if err != nil {
		return f, err
	}
	watch := watchConnections(ctx, pool)
	due := time.Now()
	err = workers[0].enqueueAll(ctx)
	f.enqueued = time.Since(due).Seconds()
	if err == nil && p.kill > 0 {
		if err = b.awaitProved(ctx, p.tenants/3); err == nil {
			f.killedAt = time.Now()
			for _, w := range workers[:p.kill] {
				err = errors.Join(err, w.kill())
			}
		}
	}
	if err == nil {
		err = b.awaitProved(ctx, p.tenants)
	}
	most, watched := watch()
	if err := errors.Join(err, watched); err != nil {
		return f, err
	}
	f.maxConnections = most
	ended, err := readCPUSeconds(h)
	f.cpu = ended.sub(began)
	f.ledgerEntries = b.result()
	return f, errors.Join(err, f.measureQueueWaits(ctx, pool, due))
}
