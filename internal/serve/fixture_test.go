package serve

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

// A fixture is a server with the tenant acme and a database of its own.
type fixture struct {
	otherTenants map[string]*logtotest.Server // more tenants
	acme         *logtotest.Server
	pool         *pgxpool.Pool
	config       *config.Config
	server       *Server

	webhookAddress string // once started; empty unless it is of its own
}

func migrated(ctx context.Context, pool *pgxpool.Pool) error {
	if _, err := state.Migrate(ctx, pool); err != nil {
		return err
	}
	return MigrateQueue(ctx, pool)
}

// newFixture returns a fixture whose server is not started. yaml is added to the
// configuration of the tenants.
func newFixture(t *testing.T, yaml string, others ...string) *fixture {
	t.Helper()
	b := &fixture{
		otherTenants: map[string]*logtotest.Server{},
		acme:         logtotest.Start(logtotest.Generate(logtotest.Options{Users: 20, Seed: 1})),
		pool:         pgtest.NewPool(t, migrated),
	}
	t.Cleanup(b.acme.Close)
	for i, name := range others {
		b.otherTenants[name] = logtotest.Start(logtotest.Generate(logtotest.Options{Users: 500, Seed: uint64(i) + 2}))
		t.Cleanup(b.otherTenants[name].Close)
	}
	b.config = b.parseConfig(t, yaml)
	var err error
	b.server, err = New(t.Context(), Options{
		Pool: b.pool, Config: b.config, Log: slog.New(slog.DiscardHandler), NewMirrorJob: newMirrorJob, NewLogtoClient: b.newLogtoClient,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *fixture) parseConfig(t *testing.T, yaml string) *config.Config {
	t.Helper()
	text := "tenants:\n"
	servers := map[string]*logtotest.Server{"acme": b.acme}
	maps.Copy(servers, b.otherTenants)
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		s := servers[name]
		text += fmt.Sprintf("- {name: %s, endpoint: %q, resource: %q, app_id: %q, app_secret: %q, max_delete: {percent: 0, rows: 0}}\n",
			name, s.URL, s.Resource, s.AppID, s.AppSecret)
	}
	text += yaml + "\n"
	cfg, err := config.Parse("jobs.yaml", []byte(text), func(string) (string, bool) { return "", false }, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Serve.Listen = "127.0.0.1:0"
	return cfg
}

func newMirrorJob(cfg *config.Config, t config.Tenant, j config.Job) mirror.Job {
	return mirror.Job{
		Tenant: t.Name, Name: j.Name, Endpoint: t.Endpoint, Listings: catalog.Select([]string{"users"}), Changes: j.Read == config.ReadChanges, ResumeWithin: cfg.ResumeWithin,
		Guard: func(leaving, rows int64) bool { return !t.MaxDelete.Exceeded(leaving, rows) },
	}
}

func (b *fixture) newLogtoClient(t config.Tenant, log *slog.Logger) (*logto.Client, error) {
	return logto.New(logto.Config{
		Endpoint: t.Endpoint, Resource: t.Resource, AppID: t.AppID, AppSecret: t.AppSecret.Reveal(), Log: log,
		RetryTimeout: 10 * time.Millisecond, InitialBackoff: time.Millisecond,
	})
}

// start runs the server until the test ends, and returns its address.
func (b *fixture) start(t *testing.T) (address string) {
	t.Helper()
	ready := make(chan string, 1)
	b.server.OnReady = func(status, webhook string) {
		b.webhookAddress = webhook
		ready <- status
	}
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- b.server.Run(context.WithoutCancel(t.Context()), stop) }()
	t.Cleanup(func() {
		close(stop)
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	select {
	case address := <-ready:
		return "http://" + address
	case err := <-done:
		done <- err
		t.Fatalf("the server did not start: %v", err)
		return ""
	}
}

// prove runs a job of a started server that reads everything, and waits until
// the tenant acme is proved.
func (b *fixture) prove(t *testing.T, job string) {
	t.Helper()
	j, _ := b.config.Job(job)
	if _, err := b.server.enqueueRunsNow(t.Context(), j, "acme"); err != nil {
		t.Fatal(err)
	}
	b.waitFor(t, "the proof", "select count(*) from syncer.runs where tenant_id = 'acme' and mode = 'run' and status = 'succeeded'")
	b.waitFor(t, "the end of its job", "select count(*) from syncer_queue.river_job where queue = 'runs' and state = 'completed'")
}

// waitFor waits until a query returns another number than 0.
func (b *fixture) waitFor(t *testing.T, what, sql string) {
	t.Helper()
	for b.count(t, sql) == 0 {
		if t.Context().Err() != nil {
			t.Fatalf("waiting for %s: %v", what, t.Context().Err())
		}
	}
}

// count returns the one number that a query returns.
func (b *fixture) count(t *testing.T, sql string) (n int64) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
