package mirror_test

import (
	"testing"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres/pgtest"
)

// A second tenant, small beside the first: autovacuum would find it too small a
// change to look at.
func TestAfterAPublicationThePlannerKnowsTheTables(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 3000, Organizations: 30, Seed: 81}))
	b.use(t, pgtest.StartInstance(t)) // whose statistics nobody else's autovacuum touches
	if _, err := b.pool.Exec(t.Context(), "alter system set autovacuum = off"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pool.Exec(t.Context(), "select pg_reload_conf()"); err != nil {
		t.Fatal(err)
	}
	wantProved(t, b.run(t))
	estimate := func(tenant string) (rows int) {
		t.Helper()
		const sql = `select (n.freqs[array_position(n.vals::text::text[], $1)] * c.reltuples)::int
			from pg_class c, lateral (select most_common_vals as vals, most_common_freqs as freqs from pg_stats where schemaname = 'logto' and tablename = 'users' and attname = 'tenant_id') n
			where c.oid = 'logto.users'::regclass`
		var n *int
		if err := b.pool.QueryRow(t.Context(), sql, tenant).Scan(&n); err != nil {
			t.Fatalf("the planner has no statistics on logto.users: %v", err)
		}
		if n != nil {
			rows = *n
		}
		return rows
	}
	if n := estimate(b.job.Tenant); n != 3000 {
		t.Errorf("the planner expects %d users of the first tenant, want 3000", n)
	}

	other := logtotest.Start(logtotest.Generate(logtotest.Options{Users: 200, Seed: 82}))
	t.Cleanup(other.Close)
	b.runner.Client = client(t, other)
	b.job.Tenant, b.job.Endpoint = "second", other.URL
	wantProved(t, b.run(t))
	if n := estimate("second"); n < 150 || n > 250 {
		t.Errorf("the planner expects %d users of the second tenant, want about 200", n)
	}

	// A night without changes analyzes nothing.
	analyzed := func() (last string) {
		t.Helper()
		if err := b.pool.QueryRow(t.Context(), "select xmin::text || ctid::text from pg_class where oid = 'logto.users'::regclass").Scan(&last); err != nil {
			t.Fatal(err)
		}
		return last
	}
	before := analyzed()
	wantProved(t, b.run(t))
	if after := analyzed(); after != before {
		t.Error("logto.users was analyzed though nothing changed")
	}
}

// Until then every search reads what is waiting.
func TestAfterAPublicationNoEntryWaitsForItsIndex(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 300, Seed: 83}), "users")
	wantProved(t, b.run(t))
	if _, err := b.pool.Exec(t.Context(), "create index waiting on logto.users using gin (custom_data jsonb_path_ops)"); err != nil {
		t.Fatal(err)
	}
	tenant := b.server.Tenant
	for _, id := range tenant.IDs("users") {
		if err := tenant.UpdateUser(id, logtotest.Row{"name": "New", "custom_data": map[string]any{"of": id}}); err != nil {
			t.Fatal(err)
		}
	}
	wantProved(t, b.run(t))
	var pages int
	if err := b.pool.QueryRow(t.Context(), "select gin_clean_pending_list('logto.waiting')").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if pages != 0 {
		t.Errorf("%d pages of entries wait for the index", pages)
	}
}
