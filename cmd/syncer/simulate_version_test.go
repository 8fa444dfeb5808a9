package main

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
)

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
