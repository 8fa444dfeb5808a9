package report_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"logto-syncer/internal/report"
)

// Of every report every column is explained, and no other, in one line of text.
func TestEveryColumnOfEveryReportIsExplained(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	reports, err := report.List("")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		d, err := report.Describe(t.Context(), pool, r)
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		explained := maps.Clone(r.Columns)
		for _, c := range d.Columns {
			if strings.TrimSpace(c.Meaning) == "" || strings.Contains(c.Meaning, "\n") {
				t.Errorf("%s: column %s means %q", r.Name, c.Name, c.Meaning)
			}
			delete(explained, c.Name)
		}
		if len(explained) > 0 {
			t.Errorf("%s explains columns that it does not have: %v", r.Name, slices.Sorted(maps.Keys(explained)))
		}
		if len(d.Sources) == 0 || len(d.Needs) == 0 && !slices.Contains([]string{"changes", "erasures", "freshness"}, r.Name) { // of any table, or none
			t.Errorf("%s reads %v and rests on %v", r.Name, d.Sources, d.Needs)
		}
	}
}

// A description comes from the head of the file, the column that a column is, or
// the columns of its name, and names the listings below functions, too.
func TestADescriptionComesFromTheFileAndTheDatabase(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	r, err := report.Parse("x", "x.sql", head+"-- param role text: R.\n-- column n: How many.\n"+
		"select u.username as who, h.holder_type, 1 as n, 2 as m from logto.users u, report.role_holders_at(@role, 'infinity') h")
	if err != nil {
		t.Fatal(err)
	}
	d, err := report.Describe(t.Context(), pool, r)
	if err != nil {
		t.Fatal(err)
	}
	meanings := map[string]string{}
	for _, c := range d.Columns {
		meanings[c.Name] = c.Meaning
	}
	want := map[string]string{"holder_type": "user or application.", "n": "How many.", "m": "", "who": meanings["who"]}
	if diff := gocmp.Diff(want, meanings); diff != "" || !strings.Contains(meanings["who"], "sername") {
		t.Errorf("column who means %q; (-want +got):\n%s", meanings["who"], diff)
	}
	if len(d.Sources) != 1 || d.Sources[0].Name != "report.role_holders_at" || !strings.Contains(d.Sources[0].Comment, "at a moment") {
		t.Errorf("reads %v", d.Sources)
	}
	var listings []string
	for _, n := range d.Needs {
		if n.State != "proved" || n.Tenant != acme || n.HistorySince == nil {
			t.Errorf("rests on %+v", n)
		}
		listings = append(listings, n.Listing)
	}
	if diff := gocmp.Diff([]string{"application_roles", "applications", "user_roles", "users"}, listings); diff != "" {
		t.Errorf("listings (-want +got):\n%s", diff)
	}
	if _, err := report.Parse("x", "x.sql", head+"-- column n\nselect 1 as n"); err == nil || !strings.Contains(err.Error(), "x.sql:3: column") {
		t.Errorf("error = %v", err)
	}
}
