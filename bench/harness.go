package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres"
	"logto-syncer/internal/report"
)

// A harness is what the parts measure with: a server of its own and a directory.
type harness struct {
	options
	dir             string
	server          *postgres.Server
	databases       int          // databases
	large           *largeTenant // nil until a part asks
	questionResults []questionResult
}

// newHarness starts a server as syncer itself starts one to keep: with fsync and
// full page images, so that what is measured of the WAL is what there would be.
func newHarness(ctx context.Context, o options) (*harness, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	// The account Postgres runs as must get there, or the data is elsewhere and
	// stays when dir goes.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	server, err := postgres.Start(ctx, postgres.Options{Dir: filepath.Join(dir, "postgres")})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	l := &harness{options: o, dir: dir, server: server}
	if err := l.warmUp(ctx); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// warmUp writes a gigabyte to the server's log: one that has been in use for a
// while has files to use again and need not make them, which takes as long as
// writing to them.
func (l *harness) warmUp(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, l.server.URL("postgres"))
	if err != nil {
		return err
	}
	defer pool.Close()
	for _, sql := range []string{
		"create table warm as select n, repeat(md5(n::text), 30) as text from generate_series(1, 1000000) n", "checkpoint", "drop table warm", "checkpoint",
	} {
		if _, err := pool.Exec(ctx, sql); err != nil {
			return fmt.Errorf("warm the server up: %w", err)
		}
	}
	return nil
}

func (l *harness) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(l.large.close(ctx), l.server.Stop(ctx), os.RemoveAll(l.dir))
}

// scaled is n scaled.
func (l *harness) scaled(n int) int { return max(1000, int(float64(n)*l.scale)) }

// database makes a database with the mirror's tables and connects to it. The
// caller drops it.
func (l *harness) database(ctx context.Context) (*database, error) {
	l.databases++
	d := &database{lab: l, name: fmt.Sprintf("bench_%d", l.databases)}
	var err error
	if d.admin, err = pgxpool.New(ctx, l.server.URL("postgres")); err != nil {
		return nil, err
	}
	if _, err := d.admin.Exec(ctx, "create database "+d.name); err != nil {
		return nil, err
	}
	if d.Pool, err = pgxpool.New(ctx, l.server.URL(d.name)); err != nil {
		return nil, err
	}
	_, err = d.syncer(ctx, simulatorInfo{"http://localhost:1", "https://default.logto.app/api", "none", "none", 0}, "none", "none", "migrate")
	return d, err
}

// A database is one of the lab's server.
type database struct {
	*pgxpool.Pool
	lab   *harness
	admin *pgxpool.Pool
	name  string
}

func (d *database) drop(ctx context.Context) error {
	d.Close()
	defer d.admin.Close()
	_, err := d.admin.Exec(ctx, "drop database "+d.name+" with (force)")
	return err
}

// blockIndexes holds the lock of who makes the indexes, so that no run makes
// them, until release is called, once or more often.
func (d *database) blockIndexes(ctx context.Context) (release func(), err error) {
	conn, err := d.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	held := conn.Hijack()
	_, err = held.Exec(ctx, "select pg_advisory_lock($1)", report.IndexLock)
	return func() {
		_, _ = held.Exec(ctx, "select pg_advisory_unlock($1)", report.IndexLock) // closing alone does not wait for the server
		_ = held.Close(context.WithoutCancel(ctx))
	}, err
}

// syncer runs the program on a simulated tenant, under a name, and measures it.
func (d *database) syncer(ctx context.Context, s simulatorInfo, tenant, limit string, args ...string) (*processResult, error) {
	file := filepath.Join(d.lab.dir, "jobs.yaml")
	yaml := fmt.Sprintf(`database: ${DATABASE_URL}
tenants:
  - name: %s
    endpoint: ${LOGTO_ENDPOINT}
    resource: ${LOGTO_RESOURCE}
    app_id: ${LOGTO_APP_ID}
    app_secret: ${LOGTO_APP_SECRET}
    limit: %s
jobs:
  - {name: all, listings: all}
  - {name: users, listings: [users]}
  - {name: members, listings: [users, organizations, organization_users]}
  - {name: crowd, listings: [users, user_roles, roles, role_scopes, resources, organizations, organization_roles, organization_scopes,
      applications, application_roles, organization_applications, organization_invitations, sso_connectors]}
`, tenant, limit)
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		return nil, err
	}
	args = append([]string{"--json", "--quiet", "--config", file}, args...)
	return runProcess(ctx, filepath.Join(d.lab.bin, "syncer"), args, d.environment(s))
}

// environment is how the programs are told what to read and where to write.
func (d *database) environment(s simulatorInfo) []string {
	return append(os.Environ(), "DATABASE_URL="+d.lab.server.URL(d.name),
		"LOGTO_ENDPOINT="+s.endpoint, "LOGTO_RESOURCE="+s.resource, "LOGTO_APP_ID="+s.id, "LOGTO_APP_SECRET="+s.secret)
}

// walPosition returns where the server's log ends, in bytes.
func (d *database) walPosition(ctx context.Context) (at int64, err error) {
	err = d.QueryRow(ctx, "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").Scan(&at)
	return at, err
}

// simulatorInfo is a simulator that answers.
type simulatorInfo struct {
	endpoint, resource, id, secret string
	rows                           int // users, exactly; zero if it does not say, as syncer simulate
}

func (s simulatorInfo) url(path string, query url.Values) string {
	return s.endpoint + path + "?" + query.Encode()
}
