package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres"
)

// publishedConnections is the max_connections that is room for 20 workers of 9 connections
// each: see docs/scale.md. The default, 100, is room for 10.
const publishedConnections = 200

// A harness is a server that lasts for all parts, set as syncer sets one to
// keep but for max_connections.
type harness struct {
	bin, dir string
	server   *postgres.Server
	admin    *pgxpool.Pool
}

func newHarness(ctx context.Context, o options) (_ *harness, err error) {
	s := &harness{}
	if s.bin, err = filepath.Abs(o.bin); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "bench-fleet"); err != nil {
		return nil, err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil { // for the account Postgres runs as
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	_, err = s.admin.Exec(ctx, fmt.Sprintf("alter system set max_connections = %d", o.connections))
	s.admin.Close()
	if err == nil {
		err = s.server.Stop(ctx)
	}
	if err == nil {
		err = s.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *harness) start(ctx context.Context) (err error) {
	if s.server, err = postgres.Start(ctx, postgres.Options{Dir: filepath.Join(s.dir, "postgres")}); err != nil {
		return err
	}
	s.admin, err = pgxpool.New(ctx, s.server.URL("postgres"))
	return err
}

func (s *harness) close() error {
	s.admin.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(s.server.Stop(ctx), os.RemoveAll(s.dir))
}

// database makes an empty one. The caller drops it.
func (s *harness) database(ctx context.Context) (pool *pgxpool.Pool, drop func() error, err error) {
	const name = "fleet"
	if _, err := s.admin.Exec(ctx, "create database "+name); err != nil {
		return nil, nil, err
	}
	drop = func() error {
		if pool != nil {
			pool.Close()
		}
		_, err := s.admin.Exec(context.WithoutCancel(ctx), "drop database "+name+" with (force)")
		return err
	}
	if pool, err = pgxpool.New(ctx, s.server.URL(name)); err != nil {
		return nil, nil, errors.Join(err, drop())
	}
	return pool, drop, nil
}

const token = "a token for the bench"

// listings are those that every tenant has a little of, without those that are
// a request for each organization or role: with them a run takes five times as
// long, and nothing is learned of how runs are shared.
func listings() []string { return []string{"users", "organizations", "applications", "roles"} }

// configure writes jobs.yaml and returns its path.
func (s *harness) configure(pool *pgxpool.Pool, tenants []*tenant) (file string, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "database: %q\ntenants:\n", pool.Config().ConnString())
	for _, t := range tenants {
		b.WriteString(t.yaml())
	}
	fmt.Fprintf(&b, "jobs: [{name: all, jitter: 0s, listings: [%s]}]\nserve: {workers: 1, token: %s}\n", strings.Join(listings(), ", "), token)
	file = filepath.Join(s.dir, "jobs.yaml")
	return file, os.WriteFile(file, []byte(b.String()), 0o600)
}
