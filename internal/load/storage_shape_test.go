package load_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
)

// as opens the loader anew, as the next run does: with the columns there are
// now, and those rules.
func (b *bench) as(t *testing.T, rules map[string]map[string]load.Rule) {
	t.Helper()
	b.loader = open(t, b.pool, "acme").loader.WithPrivacy(load.Privacy{Key: []byte("a key"), Rules: rules})
	if err := b.loader.RecordStorageShapes(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// alter changes a table of the mirror as a migration does: its history, too.
func (b *bench) alter(t *testing.T, table, how string) {
	t.Helper()
	for _, schema := range []string{"logto", "logto_history"} {
		if _, err := b.pool.Exec(t.Context(), "alter table "+schema+"."+table+" "+how); err != nil {
			t.Fatal(err)
		}
	}
}

// history returns the versions in a table's history, and since when those in
// the mirror are valid, in seconds since the bench's first moment.
func (b *bench) wantVersions(t *testing.T, table string, history int, since ...int) {
	t.Helper()
	if rows := b.rows(t, "logto_history."+table); len(rows) != history {
		t.Errorf("%d versions in the history of %s, want %d: %v", len(rows), table, history, rows)
	}
	var got []int
	for _, text := range b.texts(t, "select valid_from::text from logto."+table+" order by valid_from") {
		at, err := time.Parse("2006-01-02 15:04:05Z07", text)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, int(at.Sub(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)).Seconds()))
	}
	if diff := cmp.Diff(since, got); diff != "" {
		t.Errorf("the rows of %s are valid since run (-want +got):\n%s", table, diff)
	}
}

func TestAColumnAReleaseAddsOrDropsIsNoVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.alter(t, "roles", "drop column is_default")
	b.as(t, nil)
	role := item("roles", "r").with(`"name":"R","isDefault":true,"other":1`)
	b.run(t, role)
	same(t, b, "logto.roles", `{"id": "r", "name": "R", "extra": {"other": 1, "isDefault": true}}`)

	b.alter(t, "roles", "add column is_default boolean")
	b.as(t, nil)
	b.run(t, role)
	same(t, b, "logto.roles", `{"id": "r", "name": "R", "extra": {"other": 1}, "is_default": true}`)
	b.wantVersions(t, "roles", 0, 1)

	b.alter(t, "roles", "drop column is_default")
	b.as(t, nil)
	b.run(t, role)
	same(t, b, "logto.roles", `{"id": "r", "name": "R", "extra": {"other": 1, "isDefault": true}}`)
	b.wantVersions(t, "roles", 0, 1)
}

func TestWhatChangesBesideAnAddedColumnIsAVersion(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"a column":          `"name":"S","isDefault":true,"other":1`,
		"a member of extra": `"name":"R","isDefault":true,"other":2`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.alter(t, "roles", "drop column is_default")
			b.as(t, nil)
			b.run(t, item("roles", "r").with(`"name":"R","isDefault":true,"other":1`))
			b.alter(t, "roles", "add column is_default boolean")
			b.as(t, nil)
			b.run(t, item("roles", "r").with(change))
			b.wantVersions(t, "roles", 1, 2)
		})
	}
}

// The second release adds its column before every row has been read since the
// first: what can be compared is told row by row.
func TestARowKnowsWhichColumnsThereWereWhenItWasStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.alter(t, "roles", "drop column is_default, drop column description")
	b.as(t, nil)
	a := item("roles", "a").with(`"description":"A","isDefault":true`)
	c := item("roles", "c").with(`"description":"C","isDefault":true`)
	b.run(t, a, c)
	b.alter(t, "roles", "add column is_default boolean")
	b.as(t, nil)
	b.run(t, a)
	b.alter(t, "roles", "add column description text")
	b.as(t, nil)
	b.run(t, item("roles", "a").with(`"description":"A","isDefault":false`), c)
	b.wantVersions(t, "roles", 1, 1, 3)
	same(t, b, "logto_history.roles", `{"id": "a", "extra": {"description": "A"}, "valid_to": "2030-01-01T00:00:03+00:00", "is_default": true}`)
}

func TestAColumnAddedToANestedTableIsNoVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.alter(t, "scopes", "drop column description")
	b.as(t, nil)
	resource := item("resources", "r").with(`"scopes":[{"id":"s","name":"S","description":"old"},{"id":"t","name":"T"}]`)
	b.run(t, resource)
	b.alter(t, "scopes", "add column description text")
	b.as(t, nil)
	b.run(t, item("resources", "r").with(`"scopes":[{"id":"s","name":"S","description":"old"},{"id":"t","name":"U"}]`))
	b.wantVersions(t, "scopes", 1, 1, 2)
	same(t, b, "logto.scopes", `{"id": "s", "name": "S", "description": "old", "resource_id": "r"}`, `{"id": "t", "name": "U", "resource_id": "r"}`)
}

func TestTheRunThatChangesAPrivacyRuleKeepsOtherChangesInHistory(t *testing.T) {
	t.Parallel()
	drop := map[string]map[string]load.Rule{"users": {"primary_phone": {Drop: true}}, "user_identities": {"details": {Drop: true}}}
	before := `"name":"A","primaryPhone":"491","identities":{"x":{"userId":"1","details":{"a":1}}}`
	for name, change := range map[string][2]map[string]map[string]load.Rule{
		"applied": {nil, drop},
		"lifted":  {drop, nil},
		"another": {{"users": {"primary_phone": {Hash: true}}}, drop},
		"a wider": {drop, {"users": {"primary_phone": {Hash: true}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.as(t, change[0])
			b.run(t, item("users", "a").with(before), item("users", "b").with(before), item("users", "c").with(before))
			b.as(t, change[1])
			b.run(t, item("users", "a").with(before), item("users", "b").with(strings.Replace(before, `"A"`, `"B"`, 1)),
				item("users", "c").with(strings.Replace(before, `"1"`, `"2"`, 1)))
			b.wantVersions(t, "users", 1, 1, 1, 2)
			b.wantVersions(t, "user_identities", 1, 1, 1, 2)
		})
	}
}

// The rule came and went while the item was not read: its hash is of what is
// not stored any more.
func TestARuleThatCameAndWentBetweenReadingsLeavesNothingRedacted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := item("users", "a").with(`"primaryPhone":"491","identities":{"x":{"details":{"a":1}}}`)
	b.run(t, user)
	b.as(t, map[string]map[string]load.Rule{"users": {"primary_phone": {Drop: true}}, "user_identities": {"details": {Drop: true}}})
	b.run(t)
	same(t, b, "logto.users", `{"id": "a"}`)
	same(t, b, "logto.user_identities", `{"target": "x", "user_id": "a"}`)
	b.as(t, nil)
	b.run(t, user)
	same(t, b, "logto.users", `{"id": "a", "primary_phone": "491"}`)
	same(t, b, "logto.user_identities", `{"target": "x", "details": {"a": 1}, "user_id": "a"}`)
	b.wantVersions(t, "users", 0, 1)
	b.wantVersions(t, "user_identities", 0, 1)
}

func TestAnItemStoredOtherwiseIsStaleUntilItIsReadAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, item("users", "u"), item("roles", "r"), below("r", item("user_roles", "u")))
	stale := func() bool {
		t.Helper()
		known, err := b.loader.KnownInRange(t.Context(), catalog.Find("user_roles"), "r", "", "", 0)
		if err != nil || len(known) != 1 {
			t.Fatalf("known are %v, %v", known, err)
		}
		return known[0].Stale
	}
	if stale() {
		t.Error("a row is stale right after it was stored")
	}
	b.alter(t, "user_roles", "add column added text")
	b.as(t, nil)
	if !stale() {
		t.Error("a row that lacks a column is not stale")
	}
	b.run(t, below("r", item("user_roles", "u")))
	if stale() {
		t.Error("a row is stale though it was read again")
	}
}

func TestHowRowsAreStoredIsRecordedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	count := `select count(*)::text || ' ' || max(xmin::text::bigint)::text from syncer.row_shapes`
	before := b.texts(t, count)
	b.as(t, nil)
	b.as(t, nil)
	if diff := cmp.Diff(before, b.texts(t, count)); diff != "" {
		t.Errorf("rows and last transaction, though nothing changed (-want +got):\n%s", diff)
	}
	// Rules that come and go over and over leave no more than they did once.
	keep := func(paths ...string) map[string]map[string]load.Rule {
		return map[string]map[string]load.Rule{"users": {"custom_data": {Keep: paths}, "name": {Hash: true}}}
	}
	var recorded []string
	for i := range 6 {
		for _, rules := range []map[string]map[string]load.Rule{keep("a"), nil, keep("b"), keep("a", "c")} {
			b.as(t, rules)
		}
		if i == 2 {
			recorded = b.texts(t, count)
		}
	}
	if diff := cmp.Diff(recorded, b.texts(t, count)); diff != "" {
		t.Errorf("rules that come and go leave more and more shapes (-want +got):\n%s", diff)
	}
}
