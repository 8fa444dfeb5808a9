package state_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

func inUse(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, `create schema report;
create table report.sales (id int); create view report.by_month as select 1 as one; create function report.total() returns int language sql return 1;
create type report.color as enum ('red');
create schema logto`)
	return err
}

func TestSchemasThatHoldSomethingElseAreNamedAndLeftAsTheyAre(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, inUse)
	before := inventory(t, pool)
	for what, use := range map[string]func() error{
		"CheckSchemas": func() error { return state.CheckSchemasFree(t.Context(), pool) },
		"Migrate":      func() error { _, err := state.Migrate(t.Context(), pool); return err },
	} {
		err := use()
		occupied, ok := errors.AsType[*state.OccupiedSchemasError](err)
		if !ok || len(occupied.Schemas) != 1 || !strings.Contains(err.Error(), "schema report holds function total, table sales, type color and 1 more") {
			t.Errorf("%s: %v, want an error that names schema report and what is in it", what, err)
		}
	}
	if diff := cmp.Diff(before, inventory(t, pool)); diff != "" {
		t.Errorf("the database before (-) and after (+):\n%s", diff)
	}
}

// A database administrator has made the schemas, since the role may not.
func givenSchemas(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, `do $$ begin
    if to_regrole('syncer_without_create') is null then create role syncer_without_create login; end if;
    execute format('revoke create on database %I from public', current_database());
end $$;
create schema syncer authorization syncer_without_create; create schema syncer_stage authorization syncer_without_create;
create schema logto authorization syncer_without_create; create schema logto_history authorization syncer_without_create;
create schema report; grant usage, create on schema report to syncer_without_create`)
	return err
}

func TestEmptySchemasThatAreThereAreUsed(t *testing.T) {
	t.Parallel()
	cfg := pgtest.NewPool(t, givenSchemas).Config()
	cfg.ConnConfig.User = "syncer_without_create"
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	ran, err := state.Migrate(t.Context(), pool)
	if err != nil || len(ran) != len(migrations(t)) {
		t.Fatalf("%d migrations, %v, want all %d", len(ran), err, len(migrations(t)))
	}
	if may := one(t, pool, "select has_database_privilege(current_database(), 'create')::text"); may != "false" {
		t.Error("the role may create schemas: the test would prove nothing")
	}
	if comment := one(t, pool, "select obj_description('logto'::regnamespace)"); comment == "" {
		t.Error("schema logto, which is the role's own, has no comment")
	}
}
