package main

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/bench/host"
)

// idleDuration is how long idle workers are measured.
const idleDuration = 5 * time.Second

// measureIdleWorkers measures what idle workers cost the database: connections,
// and processor time as a share of a core.
func measureIdleWorkers(ctx context.Context, h *harness, pool *pgxpool.Pool) (connections int, cores float64, err error) {
	stop := watchConnections(ctx, pool)
	seconds, err := host.MeasureCPUTime(h.Server, func() error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(idleDuration):
			return nil
		}
	})
	connections, watchErr := stop()
	return connections, seconds / idleDuration.Seconds(), errors.Join(err, watchErr)
}

// watchConnections counts the connections of the workers ten times a second, until
// stop is called, which returns the maximum.
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

// cpuByComponent is processor time in seconds.
type cpuByComponent struct{ workers, postgres, simulator float64 }

// readCPUSeconds is the processor time of the server and of this process until now.
func readCPUSeconds(h *harness) (cpuByComponent, error) {
	postgres, err := host.ServerCPUTime(h.Server)
	if err != nil {
		return cpuByComponent{}, err
	}
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		return cpuByComponent{}, err
	}
	return cpuByComponent{postgres: postgres, simulator: timevalSeconds(own.Utime) + timevalSeconds(own.Stime)}, nil
}

func timevalSeconds(t syscall.Timeval) float64 { return time.Duration(t.Nano()).Seconds() }

func (s cpuByComponent) sub(o cpuByComponent) cpuByComponent {
	return cpuByComponent{s.workers - o.workers, s.postgres - o.postgres, s.simulator - o.simulator}
}
