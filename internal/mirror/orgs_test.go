package mirror_test

import (
	"testing"

	"logto-syncer/internal/logtotest"
)

// The simulated server answers as one whose plan depends on the offset: the
// same rows are missing from every reading of such a list.
func TestOrganizationsThatNoReadingShowsAreFoundBySearching(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 50, Organizations: 1200, Seed: 20}), "organizations")
	s := b.run(t)
	wantProved(t, s)
	b.wantEqual(t)
	t.Logf("%d requests for %d organizations", s.Listings[0].Requests, s.Listings[0].Distinct)
}
