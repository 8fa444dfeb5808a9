package mirror_test

import (
	"slices"
	"testing"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logtotest"
)

func TestServersBeforeOptionalPagingAreReadByPages(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 150, Seed: 17}))
	b.server.SetVersion("1.24") // pages organization scopes unasked, and has no order of organization users
	s := b.run(t)
	for _, c := range s.Listings {
		if c.Proof != "complete" && c.Listing != "custom_profile_fields" { // which came later
			t.Errorf("%s is %s: %s", c.Listing, c.Proof, c.Reason)
		}
	}
	b.job.Listings = slices.DeleteFunc(b.job.Listings, func(l *catalog.Listing) bool { return l.Name == "custom_profile_fields" })
	b.wantEqual(t)
}

func TestLogsAreReadFromWhereTheMirrorEnds(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 500, Seed: 18}), "logs")
	wantProved(t, b.run(t))
	first := b.count(t, "logs")
	if first < 200 {
		t.Fatalf("only %d log entries: the test would prove nothing", first)
	}
	s := b.run(t)
	wantProved(t, s)
	if c := certificate(s, "logs"); c.Requests > 2 || c.Deleted > 0 {
		t.Errorf("the second window took %d requests and deleted %d: want what is new, and nothing deleted", c.Requests, c.Deleted)
	}
	if now := b.count(t, "logs"); now < first {
		t.Errorf("%d log entries, %d before", now, first)
	}
}

func (b *bench) count(t *testing.T, table string) (n int) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), "select count(*) from logto."+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
