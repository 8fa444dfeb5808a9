package main

import (
	"fmt"
	"strings"
	"time"

	"logto-syncer/internal/state"
)

func ageText(l ageLine) string {
	if l.Age < 0 {
		return l.Proof
	}
	return l.Proof + ", " + ago(l.Age)
}

// ago writes an age in its two largest units at most.
func ago(seconds float64) string {
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
	rows := table{{"run", "tenant", "job", "status", "began", "took", "requests", "new", "changed", "gone"}}
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
		if r.Mode != "run" {
			job = r.Mode
		}
		rows = append(rows, []string{
			count(r.RunID), r.Tenant, job, status, ago(now.Sub(r.StartedAt).Seconds()) + " ago", fmt.Sprintf("%.1f s", r.Seconds),
			count(r.Requests), count(inserted), count(updated), count(deleted),
		})
		if r.Waiting != "" && r.WaitingSince != nil {
			fmt.Fprintf(&notes, "  run %d: %s, for %s\n", r.RunID, r.Waiting, ago(now.Sub(*r.WaitingSince).Seconds()))
		}
		if r.Error != "" {
			fmt.Fprintf(&notes, "  run %d: %s\n", r.RunID, r.Error)
		}
	}
	return rows.String() + notes.String()
}

func agesText(lines []ageLine) string {
	rows := table{{"tenant", "table", "read", "proof"}}
	for _, l := range lines {
		read := "never"
		if l.Age >= 0 {
			read = ago(l.Age) + " ago"
		}
		for _, t := range l.Tables {
			rows = append(rows, []string{l.Tenant, t, read, l.Proof})
		}
	}
	return "\n" + rows.String()
}

func limitsText(limits []limitLine) string {
	var text strings.Builder
	for _, l := range limits {
		fmt.Fprintf(&text, "\n%s: %s\n", l.Tenant, l.Text)
	}
	return text.String()
}
