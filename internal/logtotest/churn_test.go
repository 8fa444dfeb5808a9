package logtotest_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
)

func TestChurn(t *testing.T) {
	t.Parallel()
	run := func(users int) (*logtotest.Tenant, []string) {
		tenant := logtotest.Generate(logtotest.Options{Users: users, Organizations: 5})
		r := rand.New(rand.NewPCG(3, 4))
		var done []string
		for range 2000 {
			done = append(done, tenant.MakeRandomChange(r))
		}
		return tenant, done
	}
	tenant, done := run(100)
	kinds := map[string]bool{}
	for _, what := range done {
		verb, rest, _ := strings.Cut(what, " ")
		noun, _, _ := strings.Cut(rest, " ")
		kinds[verb+" "+noun] = true
	}
	if len(kinds) < 12 {
		t.Errorf("2000 changes were of the kinds %v", kinds)
	}
	tenant.AdvanceClock(time.Minute) // past the last delivery of a webhook
	for _, table := range tenant.Tables() {
		if n := len(tenant.Rows(table)); n != tenant.Count(table) {
			t.Errorf("%s has %d rows and counts %d", table, n, tenant.Count(table))
		}
	}
	if _, again := run(100); !slices.Equal(done, again) {
		t.Error("the same draws made other changes")
	}
	run(0) // nobody to change at first
}
