package load_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
)

func counts(t *testing.T, got *load.ChangeCounts, want load.ChangeCounts) {
	t.Helper()
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func same(t *testing.T, b *bench, table string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, b.rows(t, table)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", table, diff)
	}
}

func TestWhatIsNewChangedAndGoneIsCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	counts(t, b.run(t, item("users", "a"), item("users", "b"), item("users", "c"))["users"], load.ChangeCounts{Inserted: 3})
	changes := b.run(t, item("users", "a"), item("users", "b").with(`"name":"B"`), gone("users", "c"), item("users", "d"))
	counts(t, changes["users"], load.ChangeCounts{Inserted: 1, Updated: 1, Deleted: 1})
	same(t, b, "logto.users", `{"id": "a"}`, `{"id": "b", "name": "B"}`, `{"id": "d"}`)
}

func TestWhatWasGoneAlreadyIsNotCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, item("users", "a"))
	var told []load.TableDeletions
	stage := b.stage(t, gone("users", "a"), gone("users", "a"), gone("users", "never"))
	changes, err := b.publish(t, stage, load.PublishOptions{Guard: func(leaving []load.TableDeletions) error { told = leaving; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	counts(t, changes["users"], load.ChangeCounts{Deleted: 1})
	if diff := cmp.Diff([]load.TableDeletions{{Table: "users", Deleted: 1, Rows: 1}}, told); diff != "" {
		t.Errorf("the guard was told (-want +got):\n%s", diff)
	}
}

// versions tells which rows of a table have been written since.
const versions = `select ctid::text || xmin::text from `

func TestEqualElementsOfAChangedItemAreNotTouched(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, user("u", `{"id":"u","identities":{"a":{"userId":"1"},"b":{"userId":"2"},"c":{"userId":"3"}}}`))
	of := func(target string) string {
		return strings.Join(b.texts(t, versions+"logto.user_identities where target = $1", target), "")
	}
	before := of("a")
	counts(t, b.run(t, user("u", `{"id":"u","identities":{"a":{"userId":"1"},"b":{"userId":"x"},"d":{}}}`))["users"], load.ChangeCounts{Updated: 1})
	if of("a") != before {
		t.Error("the identity that is the same was written")
	}
	same(t, b, "logto.user_identities",
		`{"target": "a", "user_id": "u", "identity_user_id": "1"}`, `{"target": "b", "user_id": "u", "identity_user_id": "x"}`, `{"target": "d", "user_id": "u"}`)
	same(t, b, "logto_history.user_identities",
		`{"target": "b", "user_id": "u", "valid_to": "2030-01-01T00:00:02+00:00", "identity_user_id": "2"}`,
		`{"target": "c", "user_id": "u", "valid_to": "2030-01-01T00:00:02+00:00", "identity_user_id": "3"}`)
	b.run(t, user("u", `{"id":"u"}`))
	same(t, b, "logto.user_identities")
}

func TestTheOrderOfElementsIsNoChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, item("resources", "r").with(`"scopes":[{"id":"a"},{"id":"b","name":"x"}]`))
	for _, batch := range b.batches(t, item("resources", "r").with(`"scopes":[{"id":"b","name":"x"},{"id":"a"}]`)) {
		if batch.ItemCount() != 0 {
			t.Error("the resource is staged again")
		}
	}
}

func TestAnElementMayMoveToAnotherItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, item("resources", "r").with(`"scopes":[{"id":"s"}]`), item("resources", "q"))
	b.run(t, item("resources", "r"), item("resources", "q").with(`"scopes":[{"id":"s"}]`))
	same(t, b, "logto.scopes", `{"id": "s", "resource_id": "q"}`)
	b.run(t, gone("resources", "q"), item("resources", "r").with(`"scopes":[{"id":"s"}]`))
	same(t, b, "logto.scopes", `{"id": "s", "resource_id": "r"}`)
}

func TestAnElementMayMoveToAnotherTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, item("organization_scopes", "s"), item("resources", "r").with(`"scopes":[{"id":"s"}]`),
		item("organization_roles", "o").with(`"scopes":[{"id":"s"}],"resourceScopes":[]`))
	b.run(t, item("organization_roles", "o").with(`"scopes":[],"resourceScopes":[{"id":"s"}]`))
	same(t, b, "logto.organization_role_scopes")
	same(t, b, "logto.organization_role_resource_scopes", `{"scope_id": "s", "organization_role_id": "o"}`)
}

// spans returns when the versions of a user were valid, in seconds.
func spans(t *testing.T, b *bench) []string {
	t.Helper()
	return b.texts(t, `select format('%s: %s-%s', name, extract(second from valid_from)::int, extract(second from valid_to)::int)
from (select name, valid_from, valid_to from logto_history.users union all select name, valid_from, null from logto.users) v order by valid_from, valid_to`)
}

func TestHistoryIsWhatWasReplaced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, text := range []string{`"name":"A"`, `"name":"A","lastSignInAt":5`, `"name":"B","lastSignInAt":6`, `"name":"B","updatedAt":7`} {
		b.run(t, item("users", "u").with(text))
	}
	if diff := cmp.Diff([]string{"A: 1-3", "B: 3-"}, spans(t, b)); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
	b.run(t, gone("users", "u"))
	b.run(t, item("users", "u").with(`"name":"C"`))
	if diff := cmp.Diff([]string{"A: 1-3", "B: 3-5", "C: 6-"}, spans(t, b)); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

func TestATableMayKeepNoHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	none := load.PublishOptions{NoRecord: map[string]bool{"users": true, "user_identities": true}}
	for _, r := range []reading{item("users", "u").with(`"identities":{"a":{}}`), item("users", "u").with(`"identities":{"a":{"userId":"1"}}`), gone("users", "u")} {
		if _, err := b.publish(t, b.stage(t, r), none); err != nil {
			t.Fatal(err)
		}
	}
	same(t, b, "logto_history.users")
	same(t, b, "logto_history.user_identities")
	same(t, b, "logto.users")
}

func TestOfSeveralReadingsTheLastOneCounts(t *testing.T) {
	t.Parallel()
	old := item("users", "u").with(`"name":"old","identities":{"a":{},"b":{}}`)
	late := item("users", "u").with(`"name":"new","identities":{"b":{"userId":"1"}}`)
	for name, tc := range map[string]struct {
		readings   []reading
		users      []string
		identities []string
	}{
		"a later one wins":       {[]reading{old, late}, []string{`{"id": "u", "name": "new"}`}, []string{`{"target": "b", "user_id": "u", "identity_user_id": "1"}`}},
		"gone after it was seen": {[]reading{old, late, gone("users", "u")}, nil, nil},
		"seen after it was gone": {
			[]reading{old, gone("users", "u"), late},
			[]string{`{"id": "u", "name": "new"}`},
			[]string{`{"target": "b", "user_id": "u", "identity_user_id": "1"}`},
		},
	} {
		for _, there := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", and the mirror has one"}[there], func(t *testing.T) {
				t.Parallel()
				b := setup(t)
				if there {
					b.run(t, item("users", "u").with(`"identities":{"a":{},"z":{}}`))
				}
				b.run(t, tc.readings...)
				same(t, b, "logto.users", tc.users...)
				same(t, b, "logto.user_identities", tc.identities...)
			})
		}
	}
}

// A commit whose answer is lost is repeated.
func TestABatchMayBeWrittenTwice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stage := b.stage(t)
	batches := b.batches(t, item("users", "u").with(`"identities":{"a":{}}`))
	b.write(t, stage, batches)
	b.write(t, stage, batches)
	changes, err := b.publish(t, stage, load.PublishOptions{})
	if err != nil {
		t.Fatal(err)
	}
	counts(t, changes["users"], load.ChangeCounts{Inserted: 1})
	same(t, b, "logto.user_identities", `{"target": "a", "user_id": "u"}`)
}

func TestADanglingRowIsWithheldUntilItsTargetIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	member := reading{"organization_users", "o", "u", `{"id":"u","organizationRoles":[{"id":"r"}]}`}
	counts(t, b.run(t, item("organizations", "o"), item("organization_roles", "r"), member)["organization_users"], load.ChangeCounts{Withheld: 1, WithheldItems: 1})
	same(t, b, "logto.organization_users")
	same(t, b, "logto.organization_user_roles")
	counts(t, b.run(t, item("users", "u"), member)["organization_users"], load.ChangeCounts{Inserted: 1})
	same(t, b, "logto.organization_user_roles", `{"user_id": "u", "organization_id": "o", "organization_role_id": "r"}`)
}

func TestAnItemWithADanglingElementIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	member := reading{"organization_users", "o", "u", `{"id":"u","organizationRoles":[{"id":"r"},{"id":"late"}]}`}
	counts(t, b.run(t, item("users", "u"), item("organizations", "o"), item("organization_roles", "r"), member)["organization_users"],
		load.ChangeCounts{Inserted: 1, Withheld: 1})
	same(t, b, "logto.organization_user_roles", `{"user_id": "u", "organization_id": "o", "organization_role_id": "r"}`)
	before := b.texts(t, versions+"logto.organization_users")
	counts(t, b.run(t, member)["organization_users"], load.ChangeCounts{Withheld: 1})
	if diff := cmp.Diff(before, b.texts(t, versions+"logto.organization_users")); diff != "" {
		t.Errorf("the member was written although nothing is new:\n%s", diff)
	}
	counts(t, b.run(t, item("organization_roles", "late"), member)["organization_users"], load.ChangeCounts{Updated: 1})
	if n := len(b.rows(t, "logto.organization_user_roles")); n != 2 {
		t.Errorf("%d roles, want 2", n)
	}
	counts(t, b.run(t, member)["organization_users"], load.ChangeCounts{})
}

// edges is a tenant in which everything points at something.
func edges() []reading {
	return []reading{
		item("users", "u").with(`"identities":{"a":{}}`), item("users", "v"), item("organizations", "o"), item("applications", "a"),
		item("resources", "res").with(`"scopes":[{"id":"s"}]`), item("roles", "r"), item("organization_scopes", "os"),
		item("organization_roles", "or").with(`"scopes":[{"id":"os"}],"resourceScopes":[{"id":"s"}]`), item("sso_connectors", "c"),
		below("r", item("role_scopes", "s")), below("r", item("user_roles", "u")), below("r", item("application_roles", "a")),
		below("o", item("organization_users", "u").with(`"organizationRoles":[{"id":"or"}]`)),
		below("a", item("organization_applications", "o").with(`"organizationRoles":[{"id":"or"}]`)),
		item("organization_invitations", "i").with(`"organizationId":"o","inviterId":"u","organizationRoles":[{"id":"or"}]`),
		{"organization_jit_email_domains", "o", "x.example", `{"emailDomain":"x.example"}`},
		below("o", item("organization_jit_roles", "or")), below("o", item("organization_jit_sso_connectors", "c")),
		below("u", item("user_sso_identities", "si")), below("u", item("user_mfa_verifications", "m")),
		{"personal_access_tokens", "u", "p", `{"name":"p"}`},
	}
}

func TestWhatIsDeletedTakesItsEdgesWithIt(t *testing.T) {
	t.Parallel()
	for listing, tc := range map[string]struct {
		id    string
		takes []string
	}{
		"users": {"u", []string{
			"organization_invitation_roles", "organization_invitations", "organization_user_roles", "organization_users",
			"personal_access_tokens", "user_identities", "user_mfa_verifications", "user_roles", "user_sso_identities", "users",
		}},
		"organizations": {"o", []string{
			"organization_application_roles", "organization_applications", "organization_invitation_roles", "organization_invitations",
			"organization_jit_email_domains", "organization_jit_roles", "organization_jit_sso_connectors", "organization_user_roles",
			"organization_users", "organizations",
		}},
		"roles":               {"r", []string{"application_roles", "role_scopes", "roles", "user_roles"}},
		"applications":        {"a", []string{"application_roles", "applications", "organization_application_roles", "organization_applications"}},
		"resources":           {"res", []string{"organization_role_resource_scopes", "resources", "role_scopes", "scopes"}},
		"organization_scopes": {"os", []string{"organization_role_scopes", "organization_scopes"}},
		"organization_roles": {"or", []string{
			"organization_application_roles", "organization_invitation_roles", "organization_jit_roles",
			"organization_role_resource_scopes", "organization_role_scopes", "organization_roles", "organization_user_roles",
		}},
		// Its just-in-time rows are no references: the server lists connectors there
		// that it does not list itself.
		"sso_connectors": {"c", []string{"sso_connectors"}},
	} {
		t.Run(listing, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.run(t, edges()...)
			whole := tables(t, b)
			b.run(t, gone(listing, tc.id))
			left := tables(t, b)
			var takes []string
			for table, n := range whole {
				if history := len(b.rows(t, "logto_history."+table)); left[table] != n-history {
					t.Errorf("%s had %d rows, has %d, and %d in its history", table, n, left[table], history)
				}
				if left[table] != n {
					takes = append(takes, table)
				}
			}
			slices.Sort(takes)
			if diff := cmp.Diff(tc.takes, takes); diff != "" {
				t.Errorf("tables that lost rows (-want +got):\n%s", diff)
			}
		})
	}
}

// tables returns how many rows each table has, and fails if one has none.
func tables(t *testing.T, b *bench) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, l := range catalog.All() {
		for _, table := range l.Tables() {
			n[table.Name] = len(b.rows(t, "logto."+table.Name))
		}
	}
	return n
}

func TestNothingIsDeletedOfAListingThatIsNotProved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, edges()...)
	proved := all()
	proved["users"] = false
	changes, err := b.publish(t, b.stage(t, gone("users", "u"), item("users", "new")), load.PublishOptions{
		Proved: proved, Guard: func(leaving []load.TableDeletions) error {
			if len(leaving) > 0 {
				t.Errorf("the guard is told of %v", leaving)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	counts(t, changes["users"], load.ChangeCounts{Inserted: 1})
	if n := len(b.rows(t, "logto.users")); n != 3 {
		t.Errorf("%d users, want 3", n)
	}
}

func TestTheGuardEndsThePublicationAndTellsAllThatWouldGo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, edges()...)
	objection := errors.New("too many")
	stage := b.stage(t, gone("users", "u"), item("users", "v"))
	var told []load.TableDeletions
	err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error {
		_, err := stage.Publish(t.Context(), tx, catalog.All(), load.PublishOptions{At: b.at, Proved: all(), Guard: func(leaving []load.TableDeletions) error {
			told = leaving
			return objection
		}})
		if !errors.Is(err, objection) {
			t.Errorf("error: %v", err)
		}
		return err
	})
	if !errors.Is(err, objection) {
		t.Fatal(err)
	}
	for _, table := range []string{"users", "user_roles", "organization_users"} {
		if !slices.ContainsFunc(told, func(l load.TableDeletions) bool { return l.Table == table && l.Deleted == 1 && l.Rows > 0 }) {
			t.Errorf("the guard was told of %v, want one row of %s among them", told, table)
		}
	}
	if n := len(b.rows(t, "logto.users")); n != 2 {
		t.Errorf("%d users, want 2", n)
	}
}
