package load_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
	"logto-syncer/internal/postgres/pgtest"
)

// shareStage makes the stage tables of a distributed database.
func shareStage(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	var ddl strings.Builder
	for _, l := range catalog.All() {
		for _, table := range l.Tables() {
			fmt.Fprintf(&ddl, "create table syncer_stage.%[1]s (like logto.%[1]s, stage_seq bigint not null);\n", table.Name)
			fmt.Fprintf(&ddl, "alter table syncer_stage.%s drop column valid_from;\n", table.Name)
		}
	}
	ddl.WriteString(`
create table syncer_stage.deletions (tenant_id text, listing text, parent text, id text, stage_seq bigint);
create table syncer_stage.incomplete (tenant_id text, listing text, table_name text, field text, parent text, id text, stage_seq bigint);`)
	if _, err := pool.Exec(t.Context(), ddl.String()); err != nil {
		t.Fatal(err)
	}
}

func TestAStageThatTenantsShareKeepsThemApart(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	shareStage(t, pool)
	one, other := open(t, pool, "acme"), open(t, pool, "other")
	identity := `"identities":{"github":{"userId":"1"}}`
	one.run(t, item("users", "a").with(identity), item("users", "b").with(identity), item("roles", "r"), below("r", item("user_roles", "a")))
	other.run(t, item("users", "a").with(identity), item("users", "b").with(identity))

	// Both are being read at once. What refers to nothing in one tenant is in the
	// other.
	first := one.stage(t, gone("users", "a"), item("users", "b").with(`"name":"B","identities":{}`), below("r", item("user_roles", "c")))
	second := other.stage(t, item("users", "c"), gone("users", "b"), item("users", "a").with(`"name":"A"`))
	again, err := one.loader.OpenStage(t.Context(), one.runs) // after the process died
	if err != nil {
		t.Fatal(err)
	}
	unresolved, err := again.UnresolvedReferences(t.Context())
	if err != nil || fmt.Sprint(unresolved) != "map[users:[c]]" {
		t.Errorf("unresolved references: %v, %v", unresolved, err)
	}
	changes, err := one.publish(t, again, load.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	counts(t, changes["users"], load.ChangeCounts{Updated: 1, Deleted: 1})
	counts(t, changes["user_roles"], load.ChangeCounts{Withheld: 1, WithheldItems: 1, Deleted: 1})
	changes, err = other.publish(t, second, load.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	counts(t, changes["users"], load.ChangeCounts{Inserted: 1, Updated: 1, Deleted: 1})
	_ = first

	for _, table := range []string{"users", "user_identities", "user_roles", "deletions", "incomplete"} {
		var left int
		if err := pool.QueryRow(t.Context(), "select count(*) from "+pgx.Identifier{load.StageSchema, table}.Sanitize()).Scan(&left); err != nil || left > 0 {
			t.Errorf("%d rows are left in the stage of %s, %v", left, table, err)
		}
	}
	got := one.texts(t, "select tenant_id || ' ' || id || ' ' || coalesce(name, '') from logto.users order by 1")
	if want := "[acme b B other a A other c ]"; fmt.Sprint(got) != want {
		t.Errorf("users: %v, want %v", got, want)
	}
}

// A run that has staged rows in tables of its own is not resumed where they are
// shared: its checkpoints would be taken for rows that are not there.
func TestARunIsNotResumedOnAnotherKindOfStage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before := b.loader.ShapeFingerprint()
	shareStage(t, b.pool)
	if open(t, b.pool, "acme").loader.ShapeFingerprint() == before {
		t.Error("the shape is the same, so the run would be resumed")
	}
}
