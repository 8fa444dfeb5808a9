package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/bench/host"
	"logto-syncer/internal/report"
)

// A harness is what all measurements use: a PostgreSQL server and a directory.
type harness struct {
	options
	*host.PostgresServer
	databases       int          // created so far
	large           *largeTenant // nil until a measurement needs it
	questionResults []questionTiming
}

func newHarness(ctx context.Context, o options) (*harness, error) {
	server, err := host.StartServer(ctx)
	if err != nil {
		return nil, err
	}
	h := &harness{options: o, PostgresServer: server}
	if err := h.preallocateWAL(ctx); err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

// preallocateWAL writes a gigabyte of WAL. A server that has been in use for a while
// recycles the files of its WAL; creating them takes as long as writing to them.
func (h *harness) preallocateWAL(ctx context.Context) error {
	for _, sql := range []string{
		"create table warm as select n, repeat(md5(n::text), 30) as text from generate_series(1, 1000000) n", "checkpoint", "drop table warm", "checkpoint",
	} {
		if _, err := h.Admin.Exec(ctx, sql); err != nil {
			return fmt.Errorf("warm the server up: %w", err)
		}
	}
	return nil
}

func (h *harness) close() error { return errors.Join(h.large.close(), h.Close()) }

// scaled returns n, scaled by the option.
func (h *harness) scaled(n int) int { return max(1000, int(float64(n)*h.scale)) }

// withTenant runs f with a simulator and a new database, both of which are
// removed after it.
func (h *harness) withTenant(ctx context.Context, command simulatorCommand, f func(simulator, *database) error) error {
	return h.withSimulator(ctx, command, func(s simulator) error {
		return h.withDatabase(ctx, func(d *database) error { return f(s, d) })
	})
}

func (h *harness) withDatabase(ctx context.Context, f func(*database) error) error {
	d, err := h.createDatabase(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(d), d.drop())
}

// withUnindexedDatabase is withDatabase, but runs do not create the indexes for
// analysts, which they do after they have published.
func (h *harness) withUnindexedDatabase(ctx context.Context, f func(*database) error) error {
	return h.withDatabase(ctx, func(d *database) error {
		release, err := d.blockIndexCreation(ctx)
		if err != nil {
			return err
		}
		defer release()
		return f(d)
	})
}

// A database is one with the tables of the mirror.
type database struct {
	*pgxpool.Pool
	harness *harness
	name    string
	privacy string // the privacy rules of runs, as in jobs.yaml
	drop    func() error
}

func (h *harness) createDatabase(ctx context.Context) (d *database, err error) {
	h.databases++
	d = &database{harness: h, name: fmt.Sprintf("bench_%d", h.databases)}
	if d.Pool, d.drop, err = h.CreateDatabase(ctx, d.name); err != nil {
		return nil, err
	}
	if _, err = d.syncer(ctx, simulator{"http://localhost:1", "https://default.logto.app/api", "none", "none", 0}, "none", "none", "migrate"); err != nil {
		return nil, errors.Join(err, d.drop())
	}
	return d, nil
}

// blockIndexCreation holds the lock of the creation of indexes, so that no run creates
// them, until release is called. release may be called more than once.
func (d *database) blockIndexCreation(ctx context.Context) (release func(), err error) {
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

// syncer runs the program on a simulated tenant, under a name.
func (d *database) syncer(ctx context.Context, s simulator, tenant, limit string, args ...string) (*processResult, error) {
	file := filepath.Join(d.harness.Dir, "jobs.yaml")
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
  - {name: followed, listings: [users, hooks, organizations]}
  - {name: fresh, listings: [users, hooks, organizations], read: changes, schedule: "@every 30s"}
  - {name: members, listings: [users, organizations, organization_users]}
  - {name: questions, listings: [users, user_roles, roles, role_scopes, resources, organizations, organization_roles, organization_scopes,
      applications, application_roles, organization_applications, organization_invitations, sso_connectors]}
`, tenant, limit) + d.privacy
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		return nil, err
	}
	args = append([]string{"--json", "--quiet", "--config", file}, args...)
	return runProcess(ctx, filepath.Join(d.harness.bin, "syncer"), args, d.processEnv(s))
}

// processEnv tells a program what to read and where to write.
func (d *database) processEnv(s simulator) []string {
	return append(os.Environ(), "DATABASE_URL="+d.harness.URL(d.name), "SYNCER_PRIVACY_KEY=the key of the benchmarks",
		"LOGTO_ENDPOINT="+s.Endpoint, "LOGTO_RESOURCE="+s.Resource, "LOGTO_APP_ID="+s.AppID, "LOGTO_APP_SECRET="+s.AppSecret)
}

// walPosition returns the end of the server's WAL, in bytes.
func (d *database) walPosition(ctx context.Context) (at int64, err error) {
	err = d.QueryRow(ctx, "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").Scan(&at)
	return at, err
}
