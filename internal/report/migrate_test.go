package report_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/report"
)

// TestTheOwnerOfTheDatabaseNeedsNoMore migrates as a role that is no superuser.
func TestTheOwnerOfTheDatabaseNeedsNoMore(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		before   string // what the administrator did
		trigrams bool
	}{
		"with the extension":                 {"", true},
		"where it cannot be created":         {"drop schema public", false},
		"where it is in a schema of its own": {"create schema extensions; create extension pg_trgm schema extensions; grant usage on schema extensions to public", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := owned(t, tc.before)
			if err := migrated(t.Context(), pool); err != nil {
				t.Fatal(err)
			}
			var trigrams bool
			if err := pool.QueryRow(t.Context(), "select exists (select from pg_extension where extname = 'pg_trgm')").Scan(&trigrams); err != nil || trigrams != tc.trigrams {
				t.Errorf("pg_trgm = %t, want %t, error %v", trigrams, tc.trigrams, err)
			}
			if _, _, err := report.EnsureIndexes(t.Context(), pool); err != nil {
				t.Error(err)
			}
			if _, err := pool.Exec(t.Context(), "select * from report.search_users('anna')"); err != nil {
				t.Error(err)
			}
		})
	}
}

// owned returns an empty database as its owner sees it, who may do nothing
// else.
func owned(t *testing.T, before string) *pgxpool.Pool {
	t.Helper()
	admin := pgtest.NewPlainPool(t, nil)
	var database string
	if err := admin.QueryRow(t.Context(), "select current_database()").Scan(&database); err != nil {
		t.Fatal(err)
	}
	role := pgx.Identifier{"owner_of_" + database}.Sanitize()
	for _, statement := range []string{before, "create role " + role + " login", "alter database " + pgx.Identifier{database}.Sanitize() + " owner to " + role} {
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	config := admin.Config()
	config.ConnConfig.User = "owner_of_" + database
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}
