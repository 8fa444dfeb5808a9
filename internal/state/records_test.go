package state_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

func TestCheckpointsComeBackInTheirOrder(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	run, _ := begin(t, pool, errand())
	mark := func(listing string, sequence int64, checkpoints string, want bool) {
		t.Helper()
		first, err := run.SaveCheckpoints(t.Context(), pool, listing, sequence, []byte(checkpoints))
		if err != nil || first != want {
			t.Fatalf("mark %s %d: %v, %v, want %v", listing, sequence, first, err, want)
		}
	}
	for i, checkpoints := range []string{`["z"]`, `["a", "b"]`, `[]`, `["m"]`} {
		mark("users", int64(i), checkpoints, true)
	}
	mark("users", 3, `["the same transaction again"]`, false)
	mark("roles", 3, `["r"]`, true)
	checkpoints := func(listing string) (out []string) {
		arrays, err := run.Checkpoints(t.Context(), pool, listing)
		if err != nil {
			t.Fatal(err)
		}
		for _, array := range arrays {
			out = append(out, string(array))
		}
		return out
	}
	if diff := cmp.Diff([]string{`["z"]`, `["a", "b"]`, `[]`, `["m"]`}, checkpoints("users")); diff != "" {
		t.Errorf("checkpoints (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`["r"]`}, checkpoints("roles")); diff != "" {
		t.Errorf("checkpoints (-want +got):\n%s", diff)
	}
	if err := state.ClearCheckpoints(t.Context(), pool, run.ID); err != nil {
		t.Fatal(err)
	}
	if left := checkpoints("users"); left != nil {
		t.Errorf("checkpoints left: %v", left)
	}
}

func TestACertificateSaysWhatWasProved(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	run, _ := begin(t, pool, errand())
	total, at := 7, time.Date(2030, 1, 2, 3, 4, 5, 6000, time.UTC)
	certificates := []state.Certificate{
		{
			Listing: "users", Walk: "split", Parents: 1, Total: &total, Distinct: 7, Requests: 3, Inserted: 4, Updated: 2, Deleted: 1,
			Unchanged: 5, Proof: "not proved", Reason: "it's\x00odd", Notes: map[string]int{"x": 1}, ReadAt: at,
		},
		{Listing: "roles", Walk: "whole", Proof: "complete", Notes: map[string]int{}, ReadAt: at},
	}
	if err := inTx(t, pool, func(tx pgx.Tx) error { return run.Certify(t.Context(), tx, certificates) }); err != nil {
		t.Fatal(err)
	}
	for listing, want := range map[string]string{
		"users": `{"walk": "split", "notes": {"x": 1}, "proof": "not proved", "total": 7, "reason": "it's�odd", "run_id": 1, "deleted": 1, "listing": "users", "parents": 1, "read_at": "2030-01-02T03:04:05.000006+00:00", "updated": 2, "inserted": 4, "requests": 3, "tenant_id": "acme", "unchanged": 5, "distinct_ids": 7}`,
		"roles": `{"walk": "whole", "notes": null, "proof": "complete", "total": null, "reason": null, "run_id": 1, "deleted": 0, "listing": "roles", "parents": 0, "read_at": "2030-01-02T03:04:05.000006+00:00", "updated": 0, "inserted": 0, "requests": 0, "tenant_id": "acme", "unchanged": 0, "distinct_ids": 0}`,
	} {
		if diff := cmp.Diff(want, one(t, pool, "select to_jsonb(c)::text from syncer.certificates c where listing = $1", listing)); diff != "" {
			t.Errorf("certificate of %s (-want +got):\n%s", listing, diff)
		}
	}
}

func TestACertificateThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	run, _ := begin(t, pool, errand())
	for name, certificates := range map[string][]state.Certificate{
		"a proof nobody knows": {{Listing: "users", Proof: "perhaps"}, {Listing: "roles", Proof: "complete"}},
		"one listing twice":    {{Listing: "users", Proof: "complete"}, {Listing: "users", Proof: "complete"}},
	} {
		if err := inTx(t, pool, func(tx pgx.Tx) error { return run.Certify(t.Context(), tx, certificates) }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := inTx(t, pool, func(tx pgx.Tx) error { return run.Certify(t.Context(), tx, nil) }); err != nil {
		t.Errorf("no certificates: %v", err)
	}
	if n := one(t, pool, "select count(*)::text from syncer.certificates"); n != "0" {
		t.Errorf("%s certificates", n)
	}
}
