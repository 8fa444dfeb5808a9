package main

import (
	"strings"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/state"
)

// A server that lacks a listing, and one that sends a field no column is for: what
// an operator asks, says so.
func TestWhatAnotherVersionOfLogtoDiffersInIsSaid(t *testing.T) {
	t.Parallel()
	s := newFixtureOf(t, logtotest.Options{Users: 30, Seed: 2, Version: "1.25"})
	s.server.SetVersion("1.25")
	s.server.AddField("users", "favoriteColor", `"blue"`)
	const lacks = "Logto before 1.31 has no custom_profile_fields: not mirrored"
	const unknown = "this server sends fields this version does not know: users.favoriteColor; they are stored in the column extra"
	for _, step := range []struct {
		command string
		says    []string
	}{
		{"check", []string{lacks}},
		{"plan", []string{lacks}},
		{"run", nil},
		{"run", nil}, // nothing has changed
		{"status", []string{lacks, unknown}},
	} {
		p := s.start(t, step.command)
		if code := p.wait(t); code != exitDone {
			t.Fatalf("%s: exit %d\n%s%s", step.command, code, p.out.String(), p.errs.String())
		}
		for _, want := range step.says {
			if !strings.Contains(p.out.String(), want) {
				t.Errorf("%s does not say %q:\n%s", step.command, want, p.out.String())
			}
		}
		if n := strings.Count(p.out.String(), unknown); n > 1 {
			t.Errorf("%s says %d times which fields are unknown", step.command, n)
		}
	}
}

func TestUnknownFieldsAreThoseOfTheLastPublishedRun(t *testing.T) {
	t.Parallel()
	now := time.Now()
	run := func(published *time.Time, notes map[string]int) state.RunRecord {
		return state.RunRecord{Tenant: "acme", PublishedAt: published, Listings: []state.Certificate{{Listing: "users", Notes: notes}}}
	}
	const note = "items with a field that this version does not know: users.x"
	for name, c := range map[string]struct {
		runs []state.RunRecord
		says bool
	}{
		"of the last run":                  {[]state.RunRecord{run(&now, map[string]int{note: 3}), run(&now, map[string]int{note: 3})}, true},
		"that an older run found":          {[]state.RunRecord{run(&now, nil), run(&now, map[string]int{note: 3})}, false},
		"while a run is not yet published": {[]state.RunRecord{run(nil, nil), run(&now, map[string]int{note: 3})}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Count(unknownFieldsText(c.runs), "users.x"); (got == 1) != c.says || got > 1 {
				t.Errorf("said %d times: %q", got, unknownFieldsText(c.runs))
			}
		})
	}
}
