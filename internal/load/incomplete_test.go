package load_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
)

// bare is a reading without the lists within the item that Logto always sends.
func (r reading) bare() reading {
	r.item += without
	return r
}

// lists are items of which the mirror has the elements s and t.
func lists(t *testing.T, b *bench) {
	t.Helper()
	b.run(t, item("resources", "r").with(`"scopes":[{"id":"s"},{"id":"t"}]`), item("resources", "q"),
		item("organization_scopes", "os"), item("organization_roles", "or").with(`"scopes":[{"id":"os"}],"resourceScopes":[{"id":"s"}]`))
}

const (
	scopeS = `{"id": "s", "resource_id": "r"}`
	scopeT = `{"id": "t", "resource_id": "r"}`
)

func TestAnItemWithoutItsListKeepsItsElementsAndItsListingIsNotProved(t *testing.T) {
	t.Parallel()
	for name, members := range map[string]string{
		"absent": `"name":"R"`, "null": `"name":"R","scopes":null`, "no list": `"name":"R","scopes":7`,
		"elements without an id": `"name":"R","scopes":[{"id":"t"},{"name":"S"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			lists(t, b)
			changes := b.run(t, item("resources", "r").with(members).bare(), gone("resources", "q"))
			counts(t, changes["resources"], load.ChangeCounts{Updated: 1, Incomplete: []string{"scopes"}})
			same(t, b, "logto.scopes", scopeS, scopeT)
			if rows := b.texts(t, "select id || ' ' || coalesce(name, '-') from logto.resources order by id"); cmp.Diff([]string{"q -", "r R"}, rows) != "" {
				t.Errorf("resources are %v: what is known of the item is to be stored, and none to be deleted", rows)
			}

			// Read again in full, it is not taken for known.
			batch := b.batches(t, item("resources", "r").with(`"name":"R","scopes":[{"id":"t"}]`))
			if batch[0].ItemCount() != 1 {
				t.Fatal("a reading that lists the elements is skipped")
			}
			counts(t, b.run(t, item("resources", "r").with(`"name":"R","scopes":[{"id":"t"}]`), gone("resources", "q"))["resources"], load.ChangeCounts{Updated: 1, Deleted: 1})
			same(t, b, "logto.scopes", scopeT)
		})
	}
}

func TestOfAnItemOnlyTheListsThatAreThereAreStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lists(t, b)
	changes := b.run(t, item("organization_roles", "or").with(`"resourceScopes":[{"id":"t"}]`).bare())
	counts(t, changes["organization_roles"], load.ChangeCounts{Updated: 1, Incomplete: []string{"scopes"}})
	same(t, b, "logto.organization_role_scopes", `{"organization_role_id": "or", "organization_scope_id": "os"}`)
	same(t, b, "logto.organization_role_resource_scopes", `{"scope_id": "t", "organization_role_id": "or"}`)
}

func TestAnItemThatComesWithoutItsListEveryTimeIsWrittenOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lists(t, b)
	b.run(t, item("resources", "r").bare())
	before := b.texts(t, versions+"logto.resources")
	counts(t, b.run(t, item("resources", "r").bare())["resources"], load.ChangeCounts{Incomplete: []string{"scopes"}})
	if diff := cmp.Diff(before, b.texts(t, versions+"logto.resources")); diff != "" {
		t.Errorf("rows were written (-want +got):\n%s", diff)
	}
	same(t, b, "logto_history.resources")
}

func TestALaterReadingThatListsTheElementsCounts(t *testing.T) {
	t.Parallel()
	full := item("resources", "r").with(`"scopes":[{"id":"s"}]`)
	bare := item("resources", "r").bare()
	for name, tc := range map[string]struct {
		readings []reading
		want     load.ChangeCounts
		scopes   []string
	}{
		"in full at the end":    {[]reading{bare, full}, load.ChangeCounts{Updated: 1}, []string{scopeS}},
		"in full before":        {[]reading{full, bare}, load.ChangeCounts{Updated: 1, Incomplete: []string{"scopes"}}, []string{scopeS, scopeT}},
		"deleted in the end":    {[]reading{bare, gone("resources", "r")}, load.ChangeCounts{Deleted: 1}, nil},
		"without it, then gone": {[]reading{full, bare, gone("resources", "r"), bare}, load.ChangeCounts{Updated: 1, Incomplete: []string{"scopes"}}, []string{scopeS, scopeT}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.run(t, item("resources", "r").with(`"scopes":[{"id":"s"},{"id":"t"}]`))
			counts(t, b.run(t, tc.readings...)["resources"], tc.want)
			same(t, b, "logto.scopes", tc.scopes...)
		})
	}
}

func TestWhatWasIncompleteIsKnownAfterARestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	lists(t, b)
	b.stage(t, item("resources", "r").bare())
	stage, err := b.loader.OpenStage(t.Context(), b.runs)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := b.publish(t, stage, load.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	counts(t, changes["resources"], load.ChangeCounts{Incomplete: []string{"scopes"}, Updated: 1})
	same(t, b, "logto.scopes", scopeS, scopeT)
}

// Of every listing of the catalog, each list within an item.
func TestNoListOfTheCatalogIsEmptiedByAnAbsentField(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, edges()...)
	var bare []reading
	for _, r := range edges() {
		if len(catalog.Find(r.listing).Nested) > 0 {
			for _, table := range catalog.Find(r.listing).Nested {
				r.item = strings.ReplaceAll(r.item, `"`+table.Field+`":`, `"no `+table.Field+`":`)
			}
			bare = append(bare, r.bare())
		}
	}
	before := map[string][]string{}
	for _, l := range catalog.All() {
		for _, table := range l.Nested {
			before[table.Name] = b.rows(t, "logto."+table.Name)
		}
	}
	changes := b.run(t, bare...)
	for _, l := range catalog.All() {
		var fields []string
		for _, table := range l.Nested {
			fields = append(fields, table.Field)
			if len(before[table.Name]) == 0 {
				t.Errorf("%s has no rows: the test would prove nothing", table.Name)
			}
			same(t, b, "logto."+table.Name, before[table.Name]...)
		}
		if len(fields) > 0 && len(changes[l.Name].Incomplete) != len(fields) {
			t.Errorf("%s: fields %v are said to be missing, want %v", l.Name, changes[l.Name].Incomplete, fields)
		}
	}
}
