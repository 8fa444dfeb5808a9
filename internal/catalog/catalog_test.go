package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestAListingComesBehindWhatItNeeds(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, l := range All() {
		for _, need := range l.Needs {
			if !seen[need] {
				t.Errorf("%s needs %s, which does not come before it", l.Name, need)
			}
		}
		if l.Parent != "" && !slices.Contains(l.Needs, l.Parent) {
			t.Errorf("%s does not need its parent %s", l.Name, l.Parent)
		}
		if seen[l.Name] {
			t.Errorf("%s is there twice", l.Name)
		}
		seen[l.Name] = true
	}
}

func TestEveryTableIsFilledByOneListingAndBehindWhatItPointsAt(t *testing.T) {
	t.Parallel()
	owners := map[string]*Listing{}
	for _, l := range All() {
		if l.Root.Name != l.Name {
			t.Errorf("the root table of %s is %s", l.Name, l.Root.Name)
		}
		for _, table := range l.Tables() {
			if owners[table.Name] != nil {
				t.Errorf("%s is filled by %s and by %s", table.Name, owners[table.Name].Name, l.Name)
			}
			owners[table.Name] = l
			for _, ref := range table.Refs {
				owner := owners[ref.Table]
				switch {
				case owner == nil:
					t.Errorf("%s.%s points at %s, which is not there before it", table.Name, ref.Column, ref.Table)
				case owner != l && !slices.Contains(l.Needs, owner.Name):
					t.Errorf("%s.%s points at %s, but %s does not need %s", table.Name, ref.Column, ref.Table, l.Name, owner.Name)
				}
			}
		}
	}
}

func TestAListingSaysAllItsWalkNeeds(t *testing.T) {
	t.Parallel()
	for _, l := range All() {
		below := strings.Contains(l.Path, "{id}")
		if below != (l.Parent != "") || below != (l.ParentColumn() != "") {
			t.Errorf("%s: path %s, parent %q, column of the parent %q", l.Name, l.Path, l.Parent, l.ParentColumn())
		}
		if l.Parent != "" && (len(l.Root.Key) != 2 || l.Root.Key[0] != l.ParentColumn()) {
			t.Errorf("%s: the key %v is not the parent's id and the item's", l.Name, l.Root.Key)
		}
		if l.Parent == "" && len(l.Root.Key) != 1 {
			t.Errorf("%s: the key %v is not the item's id", l.Name, l.Root.Key)
		}
		if l.ID == "" || !slices.Contains([]Walk{Whole, Pages, Split, Window}, l.Walk) {
			t.Errorf("%s: id %q, walk %q", l.Name, l.ID, l.Walk)
		}
		if l.DeletionCheck == ByPath && l.ItemPath == "" {
			t.Errorf("%s is witnessed by a path it does not have", l.Name)
		}
		if l.DeletionCheck == NeverDeleted != (l.Walk == Window) {
			t.Errorf("%s: walk %s, witness %s", l.Name, l.Walk, l.DeletionCheck)
		}
		if l.CountOnly && !l.Root.Only {
			t.Errorf("%s is only counted, but its items hold more than their key", l.Name)
		}
		if slices.ContainsFunc(l.Nested, func(n Table) bool { return n.Field == "" }) {
			t.Errorf("%s has a nested table of no field", l.Name)
		}
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	var usual []string
	for _, l := range All() {
		if !l.Optional {
			usual = append(usual, l.Name)
		}
	}
	for name, tc := range map[string]struct{ give, want []string }{
		"nothing named is everything usual": {nil, usual},
		"a listing brings what it needs":    {[]string{"user_roles"}, []string{"users", "roles", "user_roles"}},
		"what is needed needs things, too": {
			[]string{"organization_users"}, []string{"users", "organizations", "resources", "organization_scopes", "organization_roles", "organization_users"},
		},
		"the order of the names is nothing": {[]string{"roles", "users"}, []string{"users", "roles"}},
		"an optional one can be named":      {[]string{"logs"}, []string{"logs"}},
		"unknown names are left out":        {[]string{"nonsense"}, nil},
	} {
		var got []string
		for _, l := range Select(tc.give) {
			got = append(got, l.Name)
		}
		if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if slices.Contains(usual, "logs") || !slices.Contains(usual, "users") {
		t.Errorf("usual are %v", usual)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, name := range Names() {
		if l := Find(name); l == nil || l.Name != name {
			t.Errorf("find %s: %v", name, l)
		}
	}
	if l := Find("nonsense"); l != nil {
		t.Errorf("found %s", l.Name)
	}
}

func TestIdsAreEscapedInPaths(t *testing.T) {
	t.Parallel()
	id := "a/b?c#d e%{id}"
	const escaped = "a%2Fb%3Fc%23d%20e%25%7Bid%7D"
	if got, want := Find("user_roles").PathForParent(id), "/roles/"+escaped+"/users"; got != want {
		t.Errorf("path of a parent: %s, want %s", got, want)
	}
	if got, want := Find("users").PathForItem(id), "/users/"+escaped; got != want {
		t.Errorf("path of an item: %s, want %s", got, want)
	}
}

func TestTheListingsCannotBeTakenAway(t *testing.T) {
	t.Parallel()
	all := All()
	clear(all)
	if All()[0] == nil {
		t.Error("a caller can change the catalog")
	}
}
