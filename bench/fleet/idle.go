package main

import (
	"context"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/bench/host"
)

// idleDuration is for how long workers are watched that have nothing to do.
const idleDuration = 5 * time.Second

// measureIdleWorkers measures what workers cost the database that have nothing to do.
func measureIdleWorkers(ctx context.Context, s *harness, pool *pgxpool.Pool) (connections int, cores float64, err error) {
	before, err := host.CPU(s.server)
	if err != nil {
		return 0, 0, err
	}
	began, watch := time.Now(), watchConnections(ctx, pool)
	select {
	case <-ctx.Done():
	case <-time.After(idleDuration):
	}
	after, err := host.CPU(s.server)
	if err != nil {
		return 0, 0, err
	}
	cores = (after - before) / time.Since(began).Seconds()
	connections, err = watch()
	return connections, cores, err
}

// watchConnections looks ten times a second how many connections the workers
// have, until stop is called, which returns the most there were.
func watchConnections(ctx context.Context, pool *pgxpool.Pool) (stop func() (most int, err error)) {
	ctx, cancel := context.WithCancel(ctx)
	var (
		wg   sync.WaitGroup
		most int
		err  error
	)
	wg.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			var n int
			failed := pool.QueryRow(ctx, "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'logto-syncer'").Scan(&n)
			if failed != nil && ctx.Err() == nil {
				err = failed
			}
			most = max(most, n)
		}
	})
	return func() (int, error) {
		cancel()
		wg.Wait()
		return most, err
	}
}

// cpuSeconds is processor time in seconds.
type cpuSeconds struct{ workers, postgres, simulator float64 }

// cpuSoFar is what the server and this process have taken until now.
func cpuSoFar(s *harness) (cpuSeconds, error) {
	postgres, err := host.CPU(s.server)
	if err != nil {
		return cpuSeconds{}, err
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return cpuSeconds{}, err
	}
	return cpuSeconds{postgres: postgres, simulator: seconds(own.Utime) + seconds(own.Stime)}, nil
}

func seconds(t syscall.Timeval) float64 { return time.Duration(t.Nano()).Seconds() }

func (s cpuSeconds) less(o cpuSeconds) cpuSeconds {
	return cpuSeconds{s.workers - o.workers, s.postgres - o.postgres, s.simulator - o.simulator}
}
