package mirror_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/mirror/mirrortest"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

func migrated(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := state.Migrate(ctx, pool)
	return err
}

// bench is a simulated Logto and a database to mirror it in.
type bench struct {
	server *logtotest.Server
	pool   *pgxpool.Pool
	client *logto.Client
	runner *mirror.Runner
	job    mirror.Job

	mu  sync.Mutex
	due map[int][]func() // see after
}

// setup starts a simulated Logto of a tenant beside a fresh database.
func setup(t *testing.T, tenant *logtotest.Tenant, listings ...string) *bench {
	t.Helper()
	b := &bench{server: logtotest.Start(tenant), pool: pgtest.NewPool(t, migrated)}
	t.Cleanup(b.server.Close)
	b.client = client(t, b.server)
	b.runner = &mirror.Runner{Pool: b.pool, Client: b.client, Log: logger(t)}
	b.job = mirror.Job{
		Tenant: "acme", Name: "test", Endpoint: b.server.URL, Listings: catalog.Select(listings), ResumeWithin: time.Hour,
	}
	return b
}

func client(t *testing.T, server *logtotest.Server) *logto.Client {
	t.Helper()
	c, err := logto.New(logto.Config{
		Endpoint: server.URL, Resource: server.Resource, AppID: server.AppID, AppSecret: server.AppSecret, Log: logger(t),
	})
	if err != nil {
		t.Fatalf("make a client: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// logger writes to the test's log.
func logger(t *testing.T) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// run runs the job and expects no error.
func (b *bench) run(t *testing.T) mirror.Summary {
	t.Helper()
	summary, err := b.runner.Run(t.Context(), b.job)
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	return summary
}

// tables returns the tables the job's listings fill, but for logs: the tenant
// has one more with every token, and what looks like a secret is blanked.
func (b *bench) tables() []string {
	var names []string
	for _, l := range b.job.Listings {
		if l.Name == "logs" {
			continue
		}
		for _, table := range l.Tables() {
			names = append(names, table.Name)
		}
	}
	return names
}

// wantEqual fails unless the mirror equals the tenant.
func (b *bench) wantEqual(t *testing.T) {
	t.Helper()
	diff, err := mirrortest.NewServerSnapshot(b.server).Diff(t.Context(), b.pool, b.job.Tenant, b.tables()...)
	if err != nil {
		t.Fatalf("compare mirror and tenant: %v", err)
	}
	if diff != "" {
		t.Errorf("mirror (+) and tenant (-) differ:\n%s", diff)
	}
}

// wantProved fails unless every listing of the run is proved.
func wantProved(t *testing.T, s mirror.Summary) {
	t.Helper()
	if s.Status != state.Succeeded {
		t.Errorf("status %s: %s", s.Status, s.Error)
	}
	for _, c := range s.Listings {
		if c.Proof != "complete" {
			t.Errorf("%s is %s: %s", c.Listing, c.Proof, c.Reason)
		}
	}
}

// recorded is the tenant whose answers were recorded.
func recorded(t *testing.T) *logtotest.Tenant {
	t.Helper()
	f, err := os.Open("../logtotest/testdata/tenant.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tenant, err := logtotest.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

func TestTheMirrorEqualsTheRecordedTenant(t *testing.T) {
	t.Parallel()
	all := slices.DeleteFunc(catalog.Names(), func(name string) bool { return name == "logs" })
	b := setup(t, recorded(t), all...)
	wantProved(t, b.run(t))
	b.wantEqual(t)
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }
