package mirror_test

import (
	"testing"
)

// The database refuses the commit of the transaction that publishes: nothing of
// what was prepared in it is true.
func TestARunWhoseCommitFailsIsNotPublishedAndCanBeResumed(t *testing.T) {
	t.Parallel()
	b := faulty(t)
	b.runner.Log = silent()
	full := `create function no_room() returns trigger language plpgsql as $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
create constraint trigger no_room after insert on syncer.certificates deferrable initially deferred for each row execute function no_room()`
	if _, err := b.pool.Exec(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	s, err := b.runner.Run(t.Context(), b.job)
	if err == nil || s.Status != "failed" || !s.Resumable || s.Listings != nil || s.PublishedAt != nil {
		t.Errorf("error %v, status %s, resumable %v, published at %v, %d certificates", err, s.Status, s.Resumable, s.PublishedAt, len(s.Listings))
	}
	var status string
	if err := b.pool.QueryRow(t.Context(), "select status from syncer.runs where run_id = $1", s.RunID).Scan(&status); err != nil || status != "failed" {
		t.Errorf("the run is kept as %q: %v", status, err)
	}
	if _, err := b.pool.Exec(t.Context(), "drop trigger no_room on syncer.certificates"); err != nil {
		t.Fatal(err)
	}
	s = b.run(t)
	wantProved(t, s)
	b.wantEqual(t)
	if left := b.staged(t); len(left) > 0 || !s.Resumed {
		t.Errorf("resumed: %v, left behind: %v", s.Resumed, left)
	}
}
