package main

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The names are a promise: fields may be added to the lists below, none may be
// taken away.
func TestTheSummaryKeepsItsFields(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	_, stdout, _ := inProcess(t, s.env, "run", "-c", s.dir+"/jobs.yaml", "--json")
	var summary map[string]json.RawMessage
	if err := json.Unmarshal([]byte(last(stdout)), &summary); err != nil {
		t.Fatal(err)
	}
	var listings []map[string]json.RawMessage
	if err := json.Unmarshal(summary["listings"], &listings); err != nil {
		t.Fatal(err)
	}
	missing := func(have map[string]json.RawMessage, want ...string) []string {
		return slices.DeleteFunc(want, func(name string) bool { _, ok := have[name]; return ok })
	}
	if m := missing(summary, "type", "status", "tenant", "run_id", "requests", "retries", "throttled", "seconds", "listings"); len(m) > 0 {
		t.Errorf("the summary has no %q, it has %q", m, slices.Sorted(maps.Keys(summary)))
	}
	if len(listings) == 0 {
		t.Fatal("the summary has no listings")
	}
	for _, l := range listings {
		m := missing(l, "listing", "walk", "total", "distinct", "requests", "inserted", "updated", "deleted", "unchanged", "proof")
		if len(m) > 0 {
			t.Errorf("%s has no %q", l["listing"], m)
		}
	}
}

// What is on stdout with --json is JSON, all of it, whatever the command.
func TestEveryLineIsAnObjectOfAType(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	types := map[string]bool{}
	for _, args := range [][]string{
		{"check"},
		{"plan"},
		{"migrate"},
		{"run"},
		{"backfill", "users"},
		{"verify", "users", "roles"},
		{"forget", slices.Min(simulatedRowIDs(s.server.Tenant, "users")), "--yes"},
		{"forget", "nobody"},
		{"report"},
		{"report", "freshness"},
		{"export", "users", "--out", filepath.Join(s.dir, "export")},
		{"grant", "nobody"},
		{"grant", "postgres"},
		{"status"},
		{"status", "--max-age", "1ns"},
		{"version"},
		{"run", "nosuchjob"},
		{"dance"},
		{"run", "--dance"},
	} {
		_, stdout, _ := inProcess(t, s.env, append(args, "--json", "-c", s.dir+"/jobs.yaml")...)
		for _, line := range lines(stdout) {
			var object struct{ Type string }
			if err := json.Unmarshal([]byte(line), &object); err != nil || object.Type == "" {
				t.Errorf("%v: %v in %q", args, err, line)
			}
			types[object.Type] = true
		}
	}
	want := []string{"check", "error", "exported", "forgotten", "freshness", "granted", "listing", "migrated", "plan", "report", "row", "run", "summary", "verification", "version"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(types))); diff != "" {
		t.Errorf("types of lines (-want +got):\n%s", diff)
	}
}
