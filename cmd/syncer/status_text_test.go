package main

import (
	"strings"
	"testing"
	"time"

	"logto-syncer/internal/state"
)

func TestStatusShowsHowFarARunIs(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	written := now.Add(-20 * time.Second)
	begun := state.RunRecord{RunID: 7, Tenant: "acme", Job: "nightly", Mode: "run", Status: state.Running, StartedAt: now.Add(-2 * time.Minute), AttemptedAt: now.Add(-2 * time.Minute)}
	stored := begun
	stored.Progress = state.Progress{ListingCount: 16, ListingsRead: 3, ChunksRead: 123, RowsRead: 12_300, LastWrittenAt: &written}
	resumed := stored
	resumed.Requests, resumed.Seconds = 1000, 50
	alive := func(r state.RunRecord) state.RunRecord { r.Alive = true; return r }
	for name, tc := range map[string]struct {
		run  state.RunRecord
		want []string
	}{
		"that has just begun":     {alive(begun), []string{"running", "120.0 s", ">= 0", "run 7: is reading; nothing is stored yet"}},
		"that is reading":         {alive(stored), []string{"running", "120.0 s", ">= 123", "run 7: is reading; 12,300 rows of 3 of 16 listings are stored, the last 20 s ago"}},
		"that was resumed":        {alive(resumed), []string{"running", "170.0 s", ">= 1,123"}},
		"whose process died":      {stored, []string{"killed", "100.0 s", ">= 123", "run 7: its process died; 12,300 rows of 3 of 16 listings are stored, the last 20 s ago"}},
		"whose process died soon": {begun, []string{"killed", "0.0 s", "its process died before it had stored anything"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runsText([]state.RunRecord{tc.run}, now)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
		})
	}
}
