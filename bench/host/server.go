package host

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

// A PostgresServer is a PostgreSQL server for measurements, set like the embedded one of
// syncer: with fsync and full page writes.
type PostgresServer struct {
	*postgres.Server
	Dir   string        // for files of the measurement
	Admin *pgxpool.Pool // of the database postgres
}

// StartServer starts a server with some settings changed: name and value in
// turn. The caller closes it.
func StartServer(ctx context.Context, settings ...string) (_ *PostgresServer, err error) {
	s := &PostgresServer{}
	if s.Dir, err = os.MkdirTemp("", "syncer-bench-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(s.Dir, 0o755); err != nil { // for the server's OS user
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.Dir))
	}
	if len(settings) == 0 {
		return s, nil
	}
	for i := 0; i < len(settings) && err == nil; i += 2 {
		_, err = s.Admin.Exec(ctx, "alter system set "+settings[i]+" = "+settings[i+1])
	}
	if err == nil {
		s.Admin.Close()
		err = s.Stop(ctx)
	}
	if err == nil {
		err = s.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *PostgresServer) start(ctx context.Context) (err error) {
	if s.Server, err = postgres.Start(ctx, postgres.Options{Dir: filepath.Join(s.Dir, "postgres")}); err != nil {
		return err
	}
	s.Admin, err = pgxpool.New(ctx, s.URL("postgres"))
	return err
}

// Close stops the server and deletes its directory.
func (s *PostgresServer) Close() error {
	s.Admin.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(s.Stop(ctx), os.RemoveAll(s.Dir))
}

// CreateDatabase creates an empty database and connects to it. drop closes the
// pool and drops the database.
func (s *PostgresServer) CreateDatabase(ctx context.Context, name string) (pool *pgxpool.Pool, drop func() error, err error) {
	if _, err := s.Admin.Exec(ctx, "create database "+name); err != nil {
		return nil, nil, err
	}
	drop = func() error {
		if pool != nil {
			pool.Close()
		}
		_, err := s.Admin.Exec(context.WithoutCancel(ctx), "drop database "+name+" with (force)")
		return err
	}
	if pool, err = pgxpool.New(ctx, s.URL(name)); err != nil {
		return nil, nil, errors.Join(err, drop())
	}
	return pool, drop, nil
}

// DescribeSettings returns the version and the settings of the server in a line.
func (s *PostgresServer) DescribeSettings(ctx context.Context) (string, error) {
	const sql = `select array_agg(name || '=' || current_setting(name) order by position)
from unnest($1::text[]) with ordinality t (name, position)`
	names := []string{"server_version", "fsync", "full_page_writes", "wal_compression", "shared_buffers", "max_wal_size", "work_mem", "jit"}
	var settings []string
	if err := s.Admin.QueryRow(ctx, sql, names).Scan(&settings); err != nil {
		return "", fmt.Errorf("read the server's settings: %w", err)
	}
	version := strings.Fields(strings.TrimPrefix(settings[0], "server_version="))[0]
	return "PostgreSQL " + version + ", " + strings.Join(settings[1:], ", "), nil
}
