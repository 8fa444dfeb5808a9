package main

import (
	"fmt"

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
	a.out.object(s)
	a.out.printf("%s", summaryText(s))
}

func summaryText(s mirror.Summary) string {
	head := fmt.Sprintf("\n%s: %s in %.1f s, %s requests", s.Tenant, s.Status, s.Seconds, count(s.Requests))
	if s.RunID > 0 {
		head += fmt.Sprintf(", run %d", s.RunID)
	}
	if s.Resumed {
		head += ", resumed"
	}
	if len(s.Listings) == 0 {
		return head + "\n"
	}
	rows := table{{"listing", "rows", "new", "changed", "gone", "requests", "proof"}}
	reasons := ""
	for _, c := range s.Listings {
		rows = append(rows, []string{
			c.Listing, count(c.Distinct), count(c.Inserted), count(c.Updated), count(c.Deleted), count(c.Requests), c.Proof,
		})
		if c.Reason != "" {
			reasons += fmt.Sprintf("  %s: %s\n", c.Listing, c.Reason)
		}
	}
	return head + "\n" + rows.String() + reasons
}
