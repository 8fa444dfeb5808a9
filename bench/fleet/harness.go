package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/bench/host"
)

// publishedConnections is the max_connections that 20 workers with 9 connections
// each need: see docs/scale.md. The default, 100, is enough for 10.
const publishedConnections = 200

// A harness is what all scenarios use: a PostgreSQL server and the program.
type harness struct {
	*host.PostgresServer
	bin string
}

func newHarness(ctx context.Context, o options) (*harness, error) {
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, err
	}
	server, err := host.StartServer(ctx, "max_connections", strconv.Itoa(o.connections))
	if err != nil {
		return nil, err
	}
	return &harness{server, bin}, nil
}

const token = "a token for the bench"

// listings are listings of which every tenant has a few rows. Those that need a
// request for each organization or role are left out: with them a run takes five
// times as long, and tells nothing more about how workers share runs.
func listings() []string { return []string{"users", "organizations", "applications", "roles"} }

// configure writes jobs.yaml and returns its path.
func (h *harness) configure(pool *pgxpool.Pool, tenants []*tenant) (file string, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "database: %q\ntenants:\n", pool.Config().ConnString())
	for _, t := range tenants {
		b.WriteString(t.yaml())
	}
	fmt.Fprintf(&b, "jobs: [{name: all, jitter: 0s, listings: [%s]}]\nserve: {workers: 1, token: %s}\n", strings.Join(listings(), ", "), token)
	file = filepath.Join(h.Dir, "jobs.yaml")
	return file, os.WriteFile(file, []byte(b.String()), 0o600)
}
