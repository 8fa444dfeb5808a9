package serve

import (
	"strings"
	"testing"
)

// A run that is not finished has no totals yet, and one that has failed followed no
// changes.
func TestTheStatusPageClaimsNothingOfARunThatPublishedNothing(t *testing.T) {
	t.Parallel()
	b := newFixture(t, changesConfig)
	address := b.start(t)
	b.prove(t, "nightly")
	if _, err := b.pool.Exec(t.Context(), `insert into syncer.runs
		(tenant_id, job, listings, endpoint, page_size, program_version, columns_hash, mode, status, owner, finished_at)
		select 'acme', 'fresh', '{}', '', 100, '', '', 'changes', status, gen_random_uuid(), case status when 'failed' then now() end
		from unnest(array['failed', 'running']) status`); err != nil {
		t.Fatal(err)
	}
	page := get(t, address+"/")
	_, runs, found := strings.Cut(page, ">Last runs</h2>")
	if !found || strings.Contains(runs, "changes followed") {
		t.Errorf("the page says that changes were followed, or lists no runs:\n%s", runs)
	}
	if unfinished := `<td class="n">–</td><td class="n">–</td><td class="n">–</td>`; strings.Count(runs, unfinished) != 1 {
		t.Errorf("the page shows not one unfinished run:\n%s", runs)
	}
}
