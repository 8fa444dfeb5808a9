package main

import (
	"context"
	"fmt"
	"strings"

	"logto-syncer/internal/report"
)

// A reportDescriptionLine says what a report means, in JSON.
type reportDescriptionLine struct {
	reportLine                          // of the type "description"
	Columns    []report.ColumnMeaning   `json:"columns"`
	Sources    []report.ViewOrFunction  `json:"sources"`
	Needs      []report.RequiredListing `json:"needs"`
}

// describeReport prints what a report's parameters and columns mean, what it
// reads, and what the mirror has of that.
func (a *app) describeReport(ctx context.Context, db *database, r *report.Report) error {
	d, err := report.Describe(ctx, db.Pool, r)
	if err != nil {
		return classifyReportError(err)
	}
	line := reportDescriptionLine{newReportLine(r), d.Columns, d.Sources, d.Needs}
	line.Type = "description"
	a.out.printJSON(line)
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s\n%s", r.Name, r.Title, wrap(r.Question, "  "))
	if len(r.Params) > 0 {
		out.WriteString("\nparameters\n" + paramsText(r))
	}
	out.WriteString("\ncolumns\n")
	for _, c := range d.Columns {
		meaning := c.Meaning
		if meaning == "" {
			meaning = "not explained: a line \"-- column " + c.Name + ": ...\" in the head of its file does that"
		}
		out.WriteString(wrap(c.Name+": "+meaning, "    "))
	}
	if len(d.Sources) > 0 {
		out.WriteString("\nreads\n")
	}
	for _, s := range d.Sources {
		out.WriteString(wrap(s.Name+": "+s.Comment, "    "))
	}
	if len(d.Needs) > 0 {
		out.WriteString("\nrests on\n")
	}
	for _, n := range d.Needs {
		out.WriteString(wrap(requiredListingText(n), "    "))
	}
	a.out.printf("%s", out.String())
	return nil
}

// requiredListingText says what a tenant's mirror has of a listing.
func requiredListingText(n report.RequiredListing) string {
	text := n.Tenant + ": " + n.Listing + " is " + n.State
	switch {
	case n.State == "not mirrored":
		return text + "; add it to listings in jobs.yaml"
	case n.HistorySince != nil:
		return text + "; its history begins " + n.HistorySince.UTC().Format("2006-01-02 15:04:05 MST")
	}
	return text + "; no history of it is kept"
}
