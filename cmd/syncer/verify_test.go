package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/mirror"
)

func TestDifferencesAreALineAListing(t *testing.T) {
	t.Parallel()
	many := make([]mirror.Difference, shownIDs+3)
	for i := range many {
		many[i] = mirror.Difference{ID: fmt.Sprintf("id%02d", i), What: mirror.Deleted}
	}
	for name, tc := range map[string]struct {
		give mirror.ListingVerification
		want string
	}{
		"nothing differs": {mirror.ListingVerification{Listing: "users", Proof: "complete"}, ""},
		"below parents": {mirror.ListingVerification{Listing: "user_roles", Proof: "complete", Differences: []mirror.Difference{
			{Parent: "r1", ID: "u1", What: mirror.Missing}, {Parent: "r2", ID: "u1", What: mirror.Deleted}, {Parent: "r2", ID: "u2", What: mirror.Missing},
		}}, "  user_roles: missing r1/u1 r2/u2; deleted r2/u1\n"},
		"could not be read": {mirror.ListingVerification{Listing: "hooks", Proof: "failed", Reason: "500"}, "  hooks: 500\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, differencesText(tc.give)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	got := differencesText(mirror.ListingVerification{Listing: "users", Differences: many})
	if !strings.HasSuffix(got, " id19 and 3 more\n") || strings.Contains(got, "id20") {
		t.Errorf("want %d ids and how many more there are, have %s", shownIDs, got)
	}
}

func TestTextIsBrokenIntoLinesOf80(t *testing.T) {
	t.Parallel()
	got := wrap(strings.Repeat("word ", 30), "  ")
	for _, line := range lines(got) {
		if len(line) > 80 || !strings.HasPrefix(line, "  ") {
			t.Errorf("%q", line)
		}
	}
	if n := strings.Count(got, "word"); n != 30 {
		t.Errorf("%d of 30 words are left", n)
	}
	if got := wrap("one", ""); got != "one\n" {
		t.Errorf("%q", got)
	}
}
