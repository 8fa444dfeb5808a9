package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Its last day is today, or reports about the last week would be empty, and
// changes followed up to a moment weeks ago.
func TestASimulatedTenantEndsTodayAndIsTheSameUntilTomorrow(t *testing.T) {
	t.Parallel()
	simulate := simulateCmd{Seed: 1, Ties: true}
	morning := time.Date(2027, 3, 1, 8, 0, 0, 0, time.UTC)
	first, later := simulate.generate(50, morning), simulate.generate(50, morning.Add(10*time.Hour))
	for _, table := range first.Tables() {
		if diff := cmp.Diff(first.Rows(table), later.Rows(table)); diff != "" {
			t.Errorf("%s (-in the morning +in the evening):\n%s", table, diff)
		}
	}
	if clock := first.Now(); clock.Before(morning) || !clock.Before(morning.Add(24*time.Hour)) {
		t.Errorf("its clock shows %s in the morning of %s", clock, morning)
	}
}

func TestTheSimulatedLogtoAnswersAsTheVersionAskedFor(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	p := s.start(t, "simulate", "--listen", "127.0.0.1:0", "--json", "--users", "10", "--logto", "1.25")
	var fields struct{ Endpoint string }
	if err := json.NewDecoder(p.stdout).Decode(&fields); err != nil {
		t.Fatal(err)
	}
	// Without a token: what exists says 401.
	for path, want := range map[string]int{"/api/email-templates": http.StatusUnauthorized, "/api/custom-profile-fields": http.StatusNotFound} {
		res, err := http.Get(fields.Endpoint + path)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, res.StatusCode, want)
		}
		_ = res.Body.Close()
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t); code != exitDone {
		t.Errorf("exit %d", code)
	}
	code, _, stderr := inProcess(t, nil, "simulate", "--logto", "1.15")
	if code != exitUsage || !strings.Contains(stderr, "--logto: version 1.15 of Logto is not simulated: the oldest is 1.16") {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
