package load_test

import (
	"testing"

	"logto-syncer/internal/load"
)

// An analyze by hand leaves the pending list as it is; only autovacuum's does not.
func TestASearchOfATableJustLoadedReadsNoPendingList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, edges()...)
	exec(t, b, "alter table logto.users set (autovacuum_enabled = off)")
	exec(t, b, "create index by_profile on logto.users using gin (profile jsonb_path_ops)")
	exec(t, b, `update logto.users set profile = '{"locale": "de"}'`)
	if err := load.Analyze(t.Context(), b.pool, []string{`"logto"."users"`}); err != nil {
		t.Fatal(err)
	}
	var pages int64 // of the pending list that were left
	if err := b.pool.QueryRow(t.Context(), "select gin_clean_pending_list('logto.by_profile')").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if pages != 0 {
		t.Errorf("the pending list of the index still has %d pages", pages)
	}
}
