package host

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
	"logto-syncer/internal/postgres"
)

// A PostgresServer is a PostgreSQL server for measurements, set like the embedded one of
// syncer: with fsync and full page writes.
type PostgresServer struct {
	*postgres.Server
	Dir   string        // for files of the measurement
	Admin *pgxpool.Pool // of the database postgres
}

// StartServer starts a server with some settings changed, such as
// "max_connections = 200". The caller closes it.
func StartServer(ctx context.Context, settings ...string) (_ *PostgresServer, err error) {
	s := &PostgresServer{}
	if s.Dir, err = os.MkdirTemp("", "syncer-bench-"); err != nil {
		return nil, err
	}
	err = os.Chmod(s.Dir, 0o755) // for the server's OS user
	if err == nil {
		err = s.start(ctx)
	}
	for _, setting := range settings {
		if err == nil {
			_, err = s.Admin.Exec(ctx, "alter system set "+setting)
		}
	}
	if err == nil && len(settings) > 0 {
		s.Admin.Close()
		if err = s.Stop(ctx); err == nil {
			err = s.start(ctx)
		}
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

// Close stops the server, if it runs, and deletes its directory.
func (s *PostgresServer) Close() (err error) {
	if s.Admin != nil {
		s.Admin.Close()
	}
	if s.Server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = s.Stop(ctx)
	}
	return errors.Join(err, os.RemoveAll(s.Dir))
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
	const sql = `select 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) || ', '
    || string_agg(name || '=' || current_setting(name), ', ' order by position)
from unnest(array['fsync', 'full_page_writes', 'wal_compression', 'shared_buffers', 'max_wal_size', 'work_mem', 'jit']) with ordinality t (name, position)`
	return pgquery.Value[string](ctx, s.Admin, "read the server's settings", sql)
}
