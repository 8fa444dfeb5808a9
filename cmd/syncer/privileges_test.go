package main

import (
	"net/url"
	"strings"
	"testing"
)

// The README's privileges are enough, and check names the one that is missing.
func TestARoleThatMayMakeSchemasIsEnough(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	exec := func(sql string) {
		t.Helper()
		if _, err := s.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	exec("create role modest login")
	u := must[*url.URL](t, "parse")(url.Parse(s.url))
	u.User = url.User("modest")
	s.env = append([]string{"DATABASE_URL=" + u.String()}, s.env...)

	code, stdout, _ := inProcess(t, s.env, "check", "-c", s.dir+"/jobs.yaml")
	name := strings.TrimPrefix(u.Path, "/")
	if code != exitFailed || !strings.Contains(stdout, "hint: as the owner: grant create on database "+name+" to modest;") {
		t.Errorf("want exit %d and the remedy, have %d and\n%s", exitFailed, code, stdout)
	}
	if code, _, stderr := inProcess(t, s.env, "run", "-c", s.dir+"/jobs.yaml"); code != exitFailed || !strings.Contains(stderr, "permission denied") {
		t.Errorf("want exit %d, have %d: %s", exitFailed, code, stderr)
	}

	exec("grant create on database " + name + " to modest")
	for _, args := range [][]string{{"check"}, {"run"}, {"check"}, {"run"}, {"status", "--max-age", "1h"}} {
		if code, stdout, stderr := inProcess(t, s.env, append(args, "-c", s.dir+"/jobs.yaml")...); code != exitDone {
			t.Errorf("%v: exit %d\n%s%s", args, code, stdout, stderr)
		}
	}
	s.wantEqual(t)
}
