package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"logto-syncer/internal/load"
	"logto-syncer/internal/state"
)

func proofAndAgeText(l ageLine) string {
	if l.Age < 0 {
		return l.Proof
	}
	return l.Proof + ", " + humanDurationText(l.Age)
}

// humanDurationText writes an age in its two largest units at most.
func humanDurationText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func runsText(runs []state.RunRecord, now time.Time) string {
	if len(runs) == 0 {
		return "nothing has run yet\n"
	}
	rows := table{{"run", "tenant", "job", "status", "began", "took", "requests", "new", "changed", "deleted"}}
	var notes strings.Builder
	for _, r := range runs {
		var inserted, updated, deleted int64
		for _, c := range r.Listings {
			inserted, updated, deleted = inserted+c.Inserted, updated+c.Updated, deleted+c.Deleted
			if c.Reason != "" {
				fmt.Fprintf(&notes, "  run %d, %s is %s: %s\n", r.RunID, c.Listing, c.Proof, c.Reason)
			}
		}
		status := r.Status
		if status == state.Running && !r.Alive {
			status = "killed"
		}
		job := r.Job
		if r.Mode == "backfill" {
			job = r.Mode
		}
		rows = append(rows, []string{
			thousands(r.RunID), r.Tenant, job, status, humanDurationText(now.Sub(r.StartedAt).Seconds()) + " ago", runDurationText(r, now),
			requestCountText(r), changedRowCountText(r, inserted), changedRowCountText(r, updated), changedRowCountText(r, deleted),
		})
		if text := progressText(r, now); text != "" {
			fmt.Fprintf(&notes, "  run %d: %s\n", r.RunID, text)
		}
		if r.Waiting != "" && r.WaitingSince != nil {
			fmt.Fprintf(&notes, "  run %d: %s, for %s\n", r.RunID, r.Waiting, humanDurationText(now.Sub(*r.WaitingSince).Seconds()))
		}
		if r.Error != "" {
			fmt.Fprintf(&notes, "  run %d: %s\n", r.RunID, r.Error)
		}
	}
	return rows.String() + notes.String()
}

// changedRowCountText writes a number of changed rows. It is not known of a run that reads
// changes, which has no certificates.
func changedRowCountText(r state.RunRecord, n int64) string {
	if r.Mode == state.Changes {
		return "-"
	}
	return thousands(n)
}

// runDurationText is how long a run has been at work: of one that is, up to now, and of
// one whose process died, up to the last it has stored.
func runDurationText(r state.RunRecord, now time.Time) string {
	seconds := r.Seconds
	switch {
	case r.Status != state.Running:
	case r.Alive:
		seconds += now.Sub(r.AttemptedAt).Seconds()
	case r.LastWrittenAt != nil:
		seconds += max(0, r.LastWrittenAt.Sub(r.AttemptedAt).Seconds())
	}
	return fmt.Sprintf("%.1f s", seconds)
}

// requestCountText is how many requests a run has sent. One that has not ended has not
// counted them, but each chunk it has stored was at least one.
func requestCountText(r state.RunRecord) string {
	if r.Status == state.Running {
		return ">= " + thousands(r.Requests+r.ChunksRead)
	}
	return thousands(r.Requests)
}

// progressText says how far a run is that is at work or whose process died;
// empty for others.
func progressText(r state.RunRecord, now time.Time) string {
	if r.Status != state.Running {
		return ""
	}
	done := fmt.Sprintf("%s of %d of %s", countedNoun(r.RowsRead, "row"), r.ListingsRead, countedNoun(r.ListingCount, "listing"))
	switch {
	case r.Alive && r.LastWrittenAt == nil:
		return "is reading; nothing is stored yet"
	case r.Alive:
		return fmt.Sprintf("is reading; %s are stored, the last %s ago", done, humanDurationText(now.Sub(*r.LastWrittenAt).Seconds()))
	case r.LastWrittenAt == nil:
		return "its process died before it had stored anything"
	}
	return fmt.Sprintf("its process died; %s are stored, the last %s ago; the next syncer run of the job resumes it", done, humanDurationText(now.Sub(*r.LastWrittenAt).Seconds()))
}

func agesText(lines []ageLine, now time.Time) string {
	followed := slices.ContainsFunc(lines, func(l ageLine) bool { return l.FollowedUntil != nil })
	rows := table{{"tenant", "table", "read", "proof"}}
	if followed {
		rows[0] = append(rows[0], "followed up to")
	}
	var gaps strings.Builder
	for _, l := range lines {
		if l.FollowedGap != "" {
			fmt.Fprintf(&gaps, "  %s: %s is not followed further: %s\n", l.Tenant, l.Listing, l.FollowedGap)
		}
		read := "never"
		if l.Age >= 0 {
			read = humanDurationText(l.Age) + " ago"
		}
		for _, t := range l.Tables {
			row := []string{l.Tenant, t, read, l.Proof}
			if followed {
				row = append(row, followedUntilText(l, now))
			}
			rows = append(rows, row)
		}
	}
	return "\n" + rows.String() + gaps.String()
}

func followedUntilText(l ageLine, now time.Time) string {
	if l.FollowedUntil == nil {
		return "-"
	}
	return humanDurationText(max(0, now.Sub(*l.FollowedUntil).Seconds())) + " ago"
}

func idBatchLimitsText(limits []idBatchLimitLine) string {
	var text strings.Builder
	for _, l := range limits {
		fmt.Fprintf(&text, "\n%s: %s\n", l.Tenant, l.Text)
	}
	return text.String()
}

// unknownFieldsText says of each tenant which fields its last published run found
// that no column is for.
func unknownFieldsText(runs []state.RunRecord) string {
	var text strings.Builder
	said := map[string]bool{}
	for _, r := range runs { // the newest first
		if said[r.Tenant] || r.PublishedAt == nil {
			continue
		}
		said[r.Tenant] = true
		var fields []string
		for _, c := range r.Listings {
			fields = append(fields, load.UnknownFields(c.Notes)...)
		}
		if len(fields) > 0 {
			fmt.Fprintf(&text, "\n%s: this server sends fields this version does not know: %s; they are stored in the column extra\n",
				r.Tenant, strings.Join(fields, ", "))
		}
	}
	return text.String()
}
