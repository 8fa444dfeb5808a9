package report_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

// acme is the name of the mirrored tenant in every test.
const acme = "acme"

// recordedTenant reads the tenant whose answers were recorded.
func recordedTenant() (*logtotest.Tenant, error) {
	f, err := os.Open("../logtotest/testdata/tenant.json")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	tenant, err := logtotest.Load(f)
	if err != nil {
		return nil, err
	}
	return tenant, addDuplicates(tenant)
}

// addDuplicates adds what the recorded tenant has none of: accounts that are
// one person's. The server would refuse some of them; imports have made them.
func addDuplicates(tenant *logtotest.Tenant) error {
	created := "2026-10-01T08:00:00.123456Z"
	for _, user := range []logtotest.Row{
		{"id": "duplicate001", "primary_email": "Twice.Born@Example.org", "primary_phone": "4915099999999", "created_at": created, "updated_at": created},
		{"id": "duplicate002", "primary_email": "twice.born@example.org", "created_at": created, "updated_at": created},
		{"id": "duplicate003", "primary_phone": "4915099999999", "created_at": created, "updated_at": created},
		{"id": "duplicate004", "created_at": created, "updated_at": created, "identities": logtotest.Row{"github": logtotest.Row{"userId": "octo"}}},
		{"id": "duplicate005", "created_at": created, "updated_at": created, "identities": logtotest.Row{"github": logtotest.Row{"userId": "octo"}}},
	} {
		if _, err := tenant.CreateUser(user); err != nil {
			return err
		}
	}
	return nil
}

// recorded returns the recorded tenant.
func recorded(t *testing.T) *logtotest.Tenant {
	t.Helper()
	tenant, err := recordedTenant()
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

// mirrored returns a database with the mirror of the recorded tenant.
func mirrored(t *testing.T) *pgxpool.Pool {
	t.Helper()
	return pgtest.NewPool(t, mirrorRecorded)
}

func mirrorRecorded(ctx context.Context, pool *pgxpool.Pool) error {
	tenant, err := recordedTenant()
	if err != nil {
		return err
	}
	if _, err := state.Migrate(ctx, pool); err != nil {
		return err
	}
	server := logtotest.Start(tenant)
	defer server.Close()
	return syncOnce(ctx, pool, server)
}

// syncOnce brings the mirror up to date with every listing.
func syncOnce(ctx context.Context, pool *pgxpool.Pool, server *logtotest.Server) error {
	return syncJob(ctx, pool, server, everything(acme, server))
}

// everything is a job that reads every listing.
func everything(tenant string, server *logtotest.Server) mirror.Job {
	return mirror.Job{
		Tenant: tenant, Name: "test", Endpoint: server.URL, ResumeWithin: time.Hour,
		Listings: catalog.Select(slices.Clone(catalog.Names())),
	}
}

func syncJob(ctx context.Context, pool *pgxpool.Pool, server *logtotest.Server, job mirror.Job) error {
	log := slog.New(slog.DiscardHandler)
	client, err := logto.New(logto.Config{
		Endpoint: server.URL, Resource: server.Resource, AppID: server.AppID, AppSecret: server.AppSecret, Log: log,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	runner := &mirror.Runner{Pool: pool, Client: client, Log: log}
	_, err = runner.Run(ctx, job)
	return err
}
