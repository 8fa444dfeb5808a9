package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A part is one measurement: so many workers read so many tenants for the
// first time, all due at one moment. kill of the workers are killed when a
// third of the tenants are done, and not started again.
type part struct{ workers, tenants, kill int }

func (p part) String() string {
	if p.kill > 0 {
		return fmt.Sprintf("%d workers, %d killed", p.workers, p.kill)
	}
	if p.workers == 1 {
		return "1 worker"
	}
	return fmt.Sprintf("%d workers", p.workers)
}

// patience is how long a part may take.
const patience = 15 * time.Minute

func measure(ctx context.Context, s *stand, tenants []*tenant, p part) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tenants = tenants[:p.tenants]
	for _, t := range tenants {
		t.forget()
	}
	pool, drop, err := s.database(ctx)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	jobs, err := s.configure(pool, tenants)
	if err != nil {
		return f, err
	}
	b := newBook()
	workers, err := hireAll(ctx, s.bin, jobs, b, p.workers)
	if err == nil {
		f, err = observe(ctx, s, pool, p, workers, b)
	}
	if err := errors.Join(err, dismiss(workers)); err != nil {
		return f, err
	}
	f.cost(workers)
	return f, f.judge(ctx, pool, tenants)
}

// hireAll starts the workers, all at once. Those that began are returned with
// an error, too.
func hireAll(ctx context.Context, bin, jobs string, b *book, n int) ([]*worker, error) {
	var (
		mu      sync.Mutex
		workers []*worker
		errs    error
		wg      sync.WaitGroup
	)
	for range n {
		wg.Go(func() {
			w, err := hire(ctx, bin, jobs, b)
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

// observe lets the workers do their work and takes its time.
func observe(ctx context.Context, s *stand, pool *pgxpool.Pool, p part, workers []*worker, b *book) (f figures, err error) {
	f.part = p
	if err := f.rest(ctx, s, pool); err != nil {
		return f, err
	}
	began, err := spentSoFar(s)
	if err != nil {
		return f, err
	}
	watch := watchConnections(ctx, pool)
	due := time.Now()
	err = workers[0].runAll(ctx)
	f.enqueued = time.Since(due).Seconds()
	if err == nil && p.kill > 0 {
		if err = b.await(ctx, p.tenants/3); err == nil {
			f.killedAt = time.Now()
			for _, w := range workers[:p.kill] {
				err = errors.Join(err, w.kill())
			}
		}
	}
	if err == nil {
		err = b.await(ctx, p.tenants)
	}
	most, watched := watch()
	if err := errors.Join(err, watched); err != nil {
		return f, err
	}
	f.mostConnections = most
	ended, err := spentSoFar(s)
	f.spent = ended.less(began)
	f.entries = b.close()
	return f, errors.Join(err, f.line(ctx, pool, due))
}
