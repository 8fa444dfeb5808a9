package mirror_test

import (
	"slices"
	"testing"

	"logto-syncer/internal/load"
	"logto-syncer/internal/logtotest"
)

// alter changes a table as a release's migration does: its history, too.
func (b *bench) alter(t *testing.T, table, how string) {
	t.Helper()
	for _, schema := range []string{"logto", "logto_history"} {
		if _, err := b.pool.Exec(t.Context(), "alter table "+schema+"."+table+" "+how); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAReleaseThatGivesAFieldAColumnWritesNoVersion(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Seed: 61}), "roles")
	b.alter(t, "roles", "drop column is_default")
	wantProved(t, b.run(t))
	b.alter(t, "roles", "add column is_default boolean")
	s := b.run(t)
	wantProved(t, s)
	b.wantEqual(t)
	if n := b.count(t, "roles"); n == 0 || certificate(s, "roles").Updated != int64(n) {
		t.Errorf("%d of %d roles updated, want all: the column is to be filled", certificate(s, "roles").Updated, n)
	}
	if n := b.historyRows(t, "roles"); n != 0 {
		t.Errorf("%d versions in history, though nothing changed in the tenant", n)
	}
}

func (b *bench) historyRows(t *testing.T, table string) (n int) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), "select count(*) from logto_history."+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestARowThatIsOnlyCountedIsReadAgainOnceItsTableHasAnotherColumn(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 600, Seed: 63}), "user_roles")
	b.runner.PageSize = 20 // more holders than a page: they are refreshed, not split
	wantProved(t, b.run(t))
	usual := certificate(b.run(t), "user_roles")
	b.alter(t, "user_roles", "add column name text")
	s := b.run(t)
	wantProved(t, s)
	var empty, rows int
	if err := b.pool.QueryRow(t.Context(), "select count(*) filter (where h.name is distinct from u.name), count(*) from logto.user_roles h join logto.users u on u.tenant_id = h.tenant_id and u.id = h.user_id").Scan(&empty, &rows); err != nil {
		t.Fatal(err)
	}
	if empty > 0 || rows < 40 {
		t.Errorf("the column is not filled in %d of %d rows", empty, rows)
	}
	for _, v := range b.verify(t, 0) {
		if !v.Equal() {
			t.Errorf("%s is not equal to the tenant: %d differences", v.Listing, len(v.Differences))
		}
	}
	again := certificate(b.run(t), "user_roles")
	if again.Requests > usual.Requests || again.Updated != 0 {
		t.Errorf("the run after that made %d requests and updated %d rows, a usual one makes %d", again.Requests, again.Updated, usual.Requests)
	}
}

func TestTheRunThatChangesAPrivacyRuleRecordsWhatElseChanged(t *testing.T) {
	t.Parallel()
	rules := load.Privacy{Rules: map[string]map[string]load.Rule{"users": {"primary_phone": {Drop: true}}}}
	for name, privacy := range map[string][2]load.Privacy{"applied": {{}, rules}, "lifted": {rules, {}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Seed: 39}), "users")
			b.job.Privacy = privacy[0]
			wantProved(t, b.run(t))
			ids := userIDs(b.server.Tenant)
			slices.Sort(ids)
			if err := b.server.Tenant.UpdateUser(ids[0], logtotest.Row{"name": "Renamed", "is_suspended": true}); err != nil {
				t.Fatal(err)
			}
			b.job.Privacy = privacy[1]
			s := b.run(t)
			wantProved(t, s)
			if n := b.historyRows(t, "users"); n != 1 {
				t.Errorf("%d versions in history, want that of the user who changed", n)
			}
			var now string
			if err := b.pool.QueryRow(t.Context(), "select string_agg(id, ' ') from logto.users where valid_from = $1", *s.PublishedAt).Scan(&now); err != nil || now != ids[0] {
				t.Errorf("new versions of %s, %v, want of %s", now, err, ids[0])
			}
		})
	}
}
