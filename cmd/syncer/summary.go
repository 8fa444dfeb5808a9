package main

import (
	"fmt"
	"strings"

	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// summarize ends the run of a tenant: a JSON line, or a table.
func (a *app) summarize(s mirror.Summary) {
	if s.Tenant == "" { // it did not get as far as to begin
		return
	}
	if s.Listings == nil {
		s.Listings = []state.Certificate{} // a list in JSON, too
	}
	a.out.printJSON(s)
	switch {
	case s.Status == state.Yielded:
		a.out.printf("\n%s: not run: %s; the next run reads what changed meanwhile\n", s.Tenant, s.YieldsTo)
	case s.RunID > 0: // else the error says it all
		a.out.printf("%s", summaryText(s))
	}
}

func summaryText(s mirror.Summary) string {
	head := fmt.Sprintf("\n%s: %s in %.1f s, %s requests, run %d", s.Tenant, s.Status, s.Seconds, thousands(s.Requests), s.RunID)
	if s.Resumed {
		head += ", resumed"
	}
	if s.IDBatchLimit != nil {
		head += "\n  " + s.IDBatchLimit.Text
	}
	if s.Changed != nil || s.Followed != nil {
		return head + "\n" + changesSummaryText(s)
	}
	if len(s.Listings) == 0 {
		return head + "\n"
	}
	rows := table{{"listing", "rows", "new", "changed", "deleted", "requests", "proof"}}
	var reasons strings.Builder
	for _, c := range s.Listings {
		rows = append(rows, []string{
			c.Listing, thousands(c.Distinct), thousands(c.Inserted), thousands(c.Updated), thousands(c.Deleted), thousands(c.Requests), c.Proof,
		})
		if c.Reason != "" {
			fmt.Fprintf(&reasons, "  %s: %s\n", c.Listing, c.Reason)
		}
	}
	return head + "\n" + rows.String() + reasons.String()
}
