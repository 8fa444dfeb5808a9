package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/report"
	"logto-syncer/internal/state"
)

// A database is one with the tables of the mirror.
type database struct {
	*pgxpool.Pool
	harness *harness
	name    string
	limit   string // the rate limit of runs, as in jobs.yaml; empty: none
	privacy string // the privacy rules of runs, as in jobs.yaml
	// allowIndexes lets runs create the indexes for analysts again; see blockIndexCreation.
	// It may be called more than once.
	allowIndexes func()
	dropDatabase func() error
}

// drop drops the database.
func (d *database) drop() error {
	d.allowIndexes()
	return d.dropDatabase()
}

func (h *harness) createDatabase(ctx context.Context) (d *database, err error) {
	h.databases++
	d = &database{harness: h, name: fmt.Sprintf("bench_%d", h.databases), allowIndexes: func() {}}
	if d.Pool, d.dropDatabase, err = h.CreateDatabase(ctx, d.name); err != nil {
		return nil, err
	}
	if _, err = state.Migrate(ctx, d.Pool); err != nil {
		return nil, errors.Join(err, d.drop())
	}
	return d, nil
}

// blockIndexCreation holds the lock of the creation of indexes, so that no run creates
// the indexes for analysts, which it does after it has published.
func (d *database) blockIndexCreation(ctx context.Context) error {
	conn, err := d.Acquire(ctx)
	if err != nil {
		return err
	}
	held := conn.Hijack()
	d.allowIndexes = func() {
		_, _ = held.Exec(ctx, "select pg_advisory_unlock($1)", report.IndexLock) // closing alone does not wait for the server
		_ = held.Close(context.WithoutCancel(ctx))
	}
	_, err = held.Exec(ctx, "select pg_advisory_lock($1)", report.IndexLock)
	return err
}

// run runs a job of the program on a simulated tenant, under a name.
func (d *database) run(ctx context.Context, s simulator, tenant, job string) (*processResult, error) {
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
`, tenant, cmp.Or(d.limit, "none")) + d.privacy
	if err := os.WriteFile(d.harness.configPath(), []byte(yaml), 0o600); err != nil {
		return nil, err
	}
	return runProcess(ctx, filepath.Join(d.harness.bin, "syncer"), []string{"--json", "--quiet", "--config", d.harness.configPath(), "run", job}, d.processEnv(s))
}

// configPath is the jobs.yaml of the last run.
func (h *harness) configPath() string { return filepath.Join(h.Dir, "jobs.yaml") }

// processEnv tells a program what to read and where to write.
func (d *database) processEnv(s simulator) []string {
	return append(os.Environ(), "DATABASE_URL="+d.harness.URL(d.name), "SYNCER_PRIVACY_KEY=the key of the benchmarks",
		"LOGTO_ENDPOINT="+s.Endpoint, "LOGTO_RESOURCE="+s.Resource, "LOGTO_APP_ID="+s.AppID, "LOGTO_APP_SECRET="+s.AppSecret)
}
