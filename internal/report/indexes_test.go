package report_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/report"
	"logto-syncer/internal/state"
)

func migrated(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := state.Migrate(ctx, pool)
	return err
}

// validIndexes lists the indexes that are there and whole.
func validIndexes(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, _ := pool.Query(t.Context(), "select indexrelid::regclass::text from pg_index where indisvalid")
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestIndexesAreMadeOnceAndWhole(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	listed, err := os.ReadFile("sql/create_indexes.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, interrupted := range []string{ // leaves this behind
		"create index users_trigrams on logto.users (name)",
		"update pg_index set indisvalid = false where indexrelid = 'logto.users_trigrams'::regclass",
	} {
		if _, err := pool.Exec(t.Context(), interrupted); err != nil {
			t.Fatal(err)
		}
	}
	made, _, err := report.EnsureIndexes(t.Context(), pool)
	if want := strings.Count(string(listed), "create index"); err != nil || len(made) != want {
		t.Fatalf("made %d of %d, error %v", len(made), want, err)
	}
	if !slices.Contains(made, "users_trigrams") || !slices.Contains(validIndexes(t, pool), "logto.users_trigrams") {
		t.Errorf("made %v", made)
	}
	if made, _, err := report.EnsureIndexes(t.Context(), pool); err != nil || len(made) != 0 {
		t.Errorf("made again: %v, error %v", made, err)
	}
}

// Somebody else's transactions: one that keeps a snapshot, as a notebook that
// was left open does, and one that locks a table.
func TestOtherPeoplesTransactionsDelayNoIndexBeyondItsTable(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	for _, statements := range [][]string{
		{"begin isolation level repeatable read", "select count(*) from logto.users"},
		{"set application_name = 'psql'", "begin", "lock table logto.organizations in share update exclusive mode"},
	} {
		conn, err := pgx.Connect(t.Context(), pool.Config().ConnString())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
		for _, sql := range statements {
			if _, err := conn.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
	}
	created, skipped, err := report.EnsureIndexes(t.Context(), pool)
	if err != nil || !slices.Contains(created, "users_trigrams") || !slices.Contains(created, "logs_user_id") {
		t.Errorf("created %v, error %v, want all but those of organizations", created, err)
	}
	var names []string
	for _, i := range skipped {
		names = append(names, i.Name)
		if !strings.Contains(i.Blocker, "(postgres, psql), in a transaction since 20") || !strings.HasSuffix(i.Blocker, ": lock table logto.organizations in share update") {
			t.Errorf("blocker of %s: %q, want who holds the lock, since when and by what statement", i.Name, i.Blocker)
		}
	}
	if !slices.Equal(names, []string{"organizations_lower_name", "organizations_trigrams"}) {
		t.Errorf("skipped %v, want the two of organizations", names)
	}
	rows, _ := pool.Query(t.Context(), "select indexrelid::regclass::text from pg_index where not indisvalid")
	if invalid, err := pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(invalid) > 0 {
		t.Errorf("invalid indexes were left behind: %v, %v", invalid, err)
	}
}

func TestWithoutTrigramsTheOtherIndexesAreMade(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	if _, err := pool.Exec(t.Context(), "drop extension pg_trgm"); err != nil {
		t.Fatal(err)
	}
	made, _, err := report.EnsureIndexes(t.Context(), pool)
	if err != nil || len(made) < 10 || slices.Contains(made, "users_trigrams") {
		t.Errorf("made %v, error %v", made, err)
	}
}

func TestIndexesAreLeftToWhoIsAtIt(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	if _, err := conn.Exec(t.Context(), "select pg_advisory_lock(452823639416)"); err != nil {
		t.Fatal(err)
	}
	if made, _, err := report.EnsureIndexes(t.Context(), pool); err != nil || made != nil {
		t.Errorf("made %v, error %v", made, err)
	}
}

func TestASignInWritesNoIndex(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPlainPool(t, twoNights) // counted by the server that has the rows
	if _, _, err := report.EnsureIndexes(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	const signIn = "update logto.users set last_sign_in_at = now(), updated_at = now(), item_hash = '\\x01' where id = (select max(id) from logto.users)"
	if _, err := tx.Exec(t.Context(), signIn); err != nil {
		t.Fatal(err)
	}
	var n, hot int
	const counts = "select pg_stat_get_xact_tuples_updated(c), pg_stat_get_xact_tuples_hot_updated(c) from cast('logto.users'::regclass as oid) c"
	if err := tx.QueryRow(t.Context(), counts).Scan(&n, &hot); err != nil {
		t.Fatal(err)
	}
	if n != 1 || hot != 1 {
		t.Errorf("of %d updated rows %d stayed off the indexes, want 1 of 1", n, hot)
	}
}
