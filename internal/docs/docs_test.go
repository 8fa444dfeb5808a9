package docs

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

var update = flag.Bool("update", false, "write the documents as the database has them now")

func migrated(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := state.Migrate(ctx, pool)
	return err
}

func readModel(t *testing.T, pool *pgxpool.Pool) *DatabaseModel {
	t.Helper()
	m, err := Read(t.Context(), pool)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheDocumentsAreUpToDate(t *testing.T) {
	t.Parallel()
	m := readModel(t, pgtest.NewPool(t, migrated))
	for file, write := range map[string]func(io.Writer) error{
		"../../docs/data-dictionary.md": m.WriteDictionary,
		"../../docs/data-model.md":      m.WriteDiagrams,
	} {
		var got bytes.Buffer
		if err := write(&got); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("%s is out of date, run make docs (-have +new):\n%s", file, diff)
		}
	}
}

// Both documents have every table and every reference, whatever is added.
func TestNothingOfTheMirrorIsLeftOut(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	_, err := pool.Exec(t.Context(), `
create table logto.novelties (tenant_id text, id text, user_id text, primary key (tenant_id, id), foreign key (tenant_id, user_id) references logto.users);
comment on table logto.novelties is 'Less < than & "nothing".';
comment on column logto.novelties.user_id is 'The "user".'`)
	if err != nil {
		t.Fatal(err)
	}
	m := readModel(t, pool)
	var dictionary, diagrams strings.Builder
	if err := errors.Join(m.WriteDictionary(&dictionary), m.WriteDiagrams(&diagrams)); err != nil {
		t.Fatal(err)
	}
	tables, references := 0, 0
	for _, table := range m.Tables {
		if table.Schema != "logto" {
			continue
		}
		tables++
		if !strings.Contains(dictionary.String(), "\n#### "+table.Name+"\n\n"+table.Comment+"\n") {
			t.Errorf("%s is not in the dictionary", table.Name)
		}
		if n := strings.Count(diagrams.String(), "\n    "+table.Name+" {\n"); n != 1 {
			t.Errorf("%s is in the diagrams %d times", table.Name, n)
		}
		for _, c := range table.Columns {
			if c.Target != "" {
				references++
			}
		}
	}
	if n := strings.Count(diagrams.String(), "--"); n != references || references < 30 {
		t.Errorf("%d references are drawn of %d", n, references)
	}
	if tables < 31 {
		t.Errorf("%d tables are too few to prove anything", tables)
	}
	for _, want := range []string{"    novelties }o--o| users : user_id\n", "        text user_id FK \"The 'user'.\"\n", "        text id PK\n"} {
		if !strings.Contains(diagrams.String(), want) {
			t.Errorf("the diagrams have no %q", want)
		}
	}
}
