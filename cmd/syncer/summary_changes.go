package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// noProofHint says what a run of changes needs.
const noProofHint = "run the job that reads everything, without read: changes; changes are followed from its proof on"

// changesSummaryText lists what a run of changes published, and up to when it follows
// which listing.
func changesSummaryText(s mirror.Summary) string {
	rows := table{{"listing", "new", "changed", "deleted", "followed up to", "by"}}
	var gaps strings.Builder
	for _, f := range s.Followed {
		var c mirror.ListingChange
		if i := slices.IndexFunc(s.Changed, func(c mirror.ListingChange) bool { return c.Listing == f.Listing }); i >= 0 {
			c = s.Changed[i]
		}
		rows = append(rows, changesRow(c, f))
		if f.Gap != "" {
			fmt.Fprintf(&gaps, "  %s: %s\n", f.Listing, gapWithRemedyText(f.Gap, f.GapHeals))
		}
	}
	for _, c := range s.Changed {
		if !slices.ContainsFunc(s.Followed, func(f state.FollowedListing) bool { return f.Listing == c.Listing }) {
			rows = append(rows, changesRow(c, state.FollowedListing{Listing: c.Listing}))
		}
	}
	if len(rows) == 1 {
		return "  nothing has changed, and nothing is followed\n"
	}
	return rows.String() + gaps.String()
}

func changesRow(c mirror.ListingChange, f state.FollowedListing) []string {
	until := "-"
	if f.Until != nil {
		until = f.Until.UTC().Format(time.DateTime) + " UTC"
	}
	return []string{f.Listing, thousands(c.Inserted), thousands(c.Updated), thousands(c.Deleted), until, strings.Join(f.Sources, ", ")}
}

// gapWithRemedyText says why a listing is not followed further, and what closes the gap.
func gapWithRemedyText(gap string, heals bool) string {
	if heals {
		return gap + "; a later run may find it, the next proof does"
	}
	return gap + "; the next proof closes the gap"
}
