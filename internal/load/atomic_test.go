package load_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
	"logto-syncer/internal/postgres/pgtest"
)

func TestTwoTenantsInOneDatabaseDoNotTouchEachOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := open(t, b.pool, "other")
	other.runs = 100 // runs are numbered across tenants
	b.run(t, edges()...)
	other.run(t, edges()...)
	const states = `select md5(string_agg(row, '' order by row)) from (
select to_jsonb(m)::text as row from logto.users m where tenant_id = 'acme' union all
select to_jsonb(m)::text from logto.user_identities m where tenant_id = 'acme' union all
select to_jsonb(m)::text from logto.organization_user_roles m where tenant_id = 'acme') x`
	before := b.texts(t, states)
	other.run(t, gone("organizations", "o"), item("users", "v").with(`"name":"V"`), item("users", "u").with(`"identities":{"a":{"userId":"1"}}`))
	other.run(t, gone("users", "u"))
	if diff := cmp.Diff(before, b.texts(t, states)); diff != "" {
		t.Errorf("the rows of acme changed:\n%s", diff)
	}
	if n := b.texts(t, "select count(*)::text from logto.users where tenant_id = 'other'")[0]; n != "1" {
		t.Errorf("other has %s users, want 1", n)
	}
	if _, err := b.loader.KnownByID(t.Context(), catalog.Find("users"), "", []string{"u"}); err != nil {
		t.Fatal(err)
	}
	if n, err := other.loader.CountBelowParent(t.Context(), catalog.Find("users"), ""); n != 1 || err != nil {
		t.Errorf("count %d, %v, want 1", n, err)
	}
}

func TestAReaderSeesTheTablesBeforeOrAfter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, item("users", "a"), item("users", "b"))
	stage := b.stage(t, gone("users", "a"), item("users", "b").with(`"name":"B"`), item("users", "c"))
	before := b.rows(t, "logto.users")
	err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error {
		if _, err := stage.Publish(t.Context(), tx, catalog.All(), load.PublishOptions{At: b.at.AddDate(1, 0, 0), Proved: all()}); err != nil {
			return err
		}
		if diff := cmp.Diff(before, b.rows(t, "logto.users")); diff != "" { // in another connection
			t.Errorf("seen before the commit (-before +seen):\n%s", diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, b, "logto.users", `{"id": "b", "name": "B"}`, `{"id": "c"}`)
}

func TestAPublicationThatFailsHalfWayLeavesEverythingAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, edges()...)
	// The last table to be merged refuses.
	exec(t, b, `create function no() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
create trigger no before insert on logto.logs for each row execute function no()`)
	stage := b.stage(t, gone("users", "u"), item("users", "new"), item("logs", "l"))
	before := b.texts(t, versions+"logto.users order by 1")
	if _, err := b.publish(t, stage, load.PublishOptions{}); err == nil {
		t.Fatal("published, although a table refused")
	}
	if diff := cmp.Diff(before, b.texts(t, versions+"logto.users order by 1")); diff != "" {
		t.Errorf("users changed:\n%s", diff)
	}
	exec(t, b, "drop trigger no on logto.logs")
	changes, err := b.publish(t, stage, load.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	counts(t, changes["users"], load.ChangeCounts{Inserted: 1, Deleted: 1})
}

func exec(t testing.TB, b *bench, sql string, args ...any) {
	t.Helper()
	if _, err := b.pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// maxQuiet is what a few records of the server's own may come to, far below a
// row for each of the users.
const maxQuiet = 16 << 10

func TestAnUnchangedTenantIsNotWritten(t *testing.T) {
	t.Parallel()
	// A server of its own, for the log is every database's.
	pool, err := pgxpool.New(t.Context(), pgtest.StartInstance(t).URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := migrated(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	b := open(t, pool, "acme")
	var readings []reading
	for i := range 1000 {
		readings = append(readings, item("users", fmt.Sprint("u", i)).with(`"identities":{"a":{"userId":"1"}},"name":"somebody"`))
	}
	b.run(t, readings...)
	exec(t, b, "vacuum (analyze) logto.users, logto.user_identities") // nothing is left for the server to tidy
	before := b.texts(t, versions+"logto.users order by 1")
	batches := b.batches(t, readings...)
	stage := b.stage(t)
	start := b.texts(t, "select pg_current_wal_insert_lsn()::text")[0]
	b.write(t, stage, batches)
	changes, err := b.publish(t, stage, load.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	counts(t, changes["users"], load.ChangeCounts{})
	var written int64
	if err := b.pool.QueryRow(t.Context(), "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::pg_lsn)::bigint", start).Scan(&written); err != nil {
		t.Fatal(err)
	}
	if written > maxQuiet {
		t.Errorf("%d bytes of log written, want at most %d", written, maxQuiet)
	}
	if diff := cmp.Diff(before, b.texts(t, versions+"logto.users order by 1")); diff != "" {
		t.Errorf("users were written:\n%s", diff)
	}
}
