package main

import (
	"context"
	"errors"
	"fmt"

	"logto-syncer/bench/host"
)

// A harness is what all measurements use: a PostgreSQL server and a directory.
type harness struct {
	options
	*host.PostgresServer
	databases    int          // created so far
	large        *largeTenant // nil until a measurement needs it
	queryTimings []queryTiming
}

// newHarness starts a server and writes a gigabyte of WAL. A server that has been in
// use for a while recycles the files of its WAL; creating them takes as long as
// writing to them.
func newHarness(ctx context.Context, o options) (*harness, error) {
	server, err := host.StartServer(ctx)
	if err != nil {
		return nil, err
	}
	for _, sql := range []string{
		"create table warm as select n, repeat(md5(n::text), 30) as text from generate_series(1, 1000000) n", "checkpoint", "drop table warm", "checkpoint",
	} {
		if _, err := server.Admin.Exec(ctx, sql); err != nil {
			return nil, errors.Join(fmt.Errorf("warm the server up: %w", err), server.Close())
		}
	}
	return &harness{options: o, PostgresServer: server}, nil
}

func (h *harness) close() error { return errors.Join(h.large.close(), h.Close()) }

// scaled returns n, scaled by the option.
func (h *harness) scaled(n int) int { return max(1000, int(float64(n)*h.scale)) }

// withSimulatorAndDatabase runs f with a simulator and a new database, both of which are
// removed after it.
func withSimulatorAndDatabase(ctx context.Context, h *harness, command simulatorCommand, f func(simulator, *database) ([]result, error)) ([]result, error) {
	return withSimulator(ctx, command, func(s simulator) ([]result, error) {
		return withDatabase(ctx, h, func(d *database) ([]result, error) { return f(s, d) })
	})
}

// withDatabase runs f with a new database that is dropped after it.
func withDatabase[T any](ctx context.Context, h *harness, f func(*database) (T, error)) (got T, err error) {
	d, err := h.createDatabase(ctx)
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, d.drop()) }()
	return f(d)
}
