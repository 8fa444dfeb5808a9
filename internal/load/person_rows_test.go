package load_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/load"
)

// What EraseUsers erases of a person is what Person shows, row by row.
func TestWhatIsShownOfAPersonIsWhatWouldBeErased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, edges()...)
	exec(t, b, `insert into logto.organization_invitations (tenant_id, id, organization_id, invitee, item_hash, valid_from)
select tenant_id, 'invited', id, 'ANN@mail.example', '', now() from logto.organizations limit 1`)
	exec(t, b, `update logto.users set primary_email = 'ann@mail.example' where id = (select min(id) from logto.users)`)
	exec(t, b, `insert into logto_history.users (tenant_id, id, valid_from, valid_to) select tenant_id, id, valid_from - interval '1 day', valid_from from logto.users`)
	exec(t, b, `insert into logto.logs (tenant_id, id, payload, item_hash, valid_from) values ('acme', 'l1', '{"userId": "v"}', '', now())`)
	users := b.texts(t, "select id from logto.users order by id")
	for _, user := range users {
		shown := map[string]int64{}
		err := b.loader.PersonRows(t.Context(), b.pool, load.DataSubjects{IDs: []string{user}}, func(s load.RowAboutPerson) error {
			shown[s.Schema+"."+s.Table]++
			if i := slices.IndexFunc(s.Columns, func(c load.ColumnValue) bool { return c.Name == "tenant_id" || c.Name == "item_hash" }); i >= 0 {
				return fmt.Errorf("%s has the column %s", s.Table, s.Columns[i].Name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		tx, err := b.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		erased, err := b.loader.EraseUsers(t.Context(), tx, load.DataSubjects{IDs: []string{user}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(erased, shown); diff != "" {
			t.Errorf("%s (-erased +shown):\n%s", user, diff)
		}
		if len(shown) < 3 {
			t.Errorf("%s: %v is too little to prove anything", user, shown)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRulesAreReadBackFromTheirDescription(t *testing.T) {
	t.Parallel()
	rules := map[string]map[string]load.Rule{"users": {"primary_email": {Hash: true}, "name": {Drop: true}, "custom_data": {Keep: []string{"plan"}}}, "roles": {"extra": {Drop: true}}}
	b := setup(t)
	keys := map[string]bool{}
	for _, key := range []string{"a key", "another"} {
		for table, text := range b.loader.WithPrivacy(load.Privacy{Key: []byte(key), Rules: rules}).RuleTexts() {
			got, hashedBy, err := load.ParseStoredRules(text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(rules[table], got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", table, diff)
			}
			keys[hashedBy] = true
		}
	}
	if len(keys) != 3 || !keys[""] {
		t.Errorf("%d ways to say which key, want one for each and none for a table without hashes", len(keys))
	}
	if _, _, err := load.ParseStoredRules("no rules"); err == nil {
		t.Error("what are no rules is taken for some")
	}
}
