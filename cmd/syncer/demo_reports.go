package main

import (
	"context"
	"fmt"

	"logto-syncer/internal/report"
)

// demoReportNames are those the demo shows: people, how they come in, what they
// may do, where they belong, and how far to trust all of it.
func demoReportNames() []string {
	return []string{"sign_ups", "active_users", "identity_providers", "organizations", "applications", "freshness"}
}

// printDemoReports prints the demo's reports.
func (a *app) printDemoReports(ctx context.Context, db *database) error {
	if a.out.json || a.out.quiet {
		return nil
	}
	for _, name := range demoReportNames() {
		r, err := report.LoadByName("", name)
		if err != nil {
			return err
		}
		a.out.printf("\n%s\n", wrap(r.Question, ""))
		out, err := report.NewRenderer("table", a.stdout, narrow)
		if err != nil {
			return err
		}
		head := &firstRowsRenderer{Renderer: out}
		answer, err := report.Run(ctx, db.Pool, r, report.RunOptions{}, head)
		if err != nil {
			return fmt.Errorf("show report %s: %w", name, err)
		}
		if head.left > 0 {
			a.out.printf("and %s more: syncer report %s\n", thousands(head.left), name)
		}
		for _, n := range answer.Notices {
			a.out.printf("%s", wrap("note: "+n.String(), ""))
		}
	}
	a.out.printf("\nsyncer report lists the reports there are.\n")
	return nil
}

// headRows is how many rows of a report the demo shows.
const headRows = 6

// firstRowsRenderer hands on the first rows of a report and counts the others.
type firstRowsRenderer struct {
	report.Renderer
	rows, left int
}

func (r *firstRowsRenderer) Row(values []any) error {
	if r.rows == headRows {
		r.left++
		return nil
	}
	r.rows++
	return r.Renderer.Row(values)
}
