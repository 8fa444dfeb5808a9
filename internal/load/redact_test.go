package load_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
)

func TestARowIsWrittenOnceByANewRuleAndTheReadingUnderIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	users := func(name string) []reading {
		var all []reading
		for _, id := range []string{"a", "b", "c"} {
			all = append(all, item("users", id).with(`"name":"`+name+`","primaryEmail":"`+id+`@x","primaryPhone":"49","customData":{"plan":"pro","note":"n"}`))
		}
		return all
	}
	b.run(t, append(users("Old"), item("users", "unread").with(`"name":"Old","primaryEmail":"unread@x"`))...)
	b.run(t, users("Older")...)
	b.as(t, map[string]map[string]load.Rule{"users": {"primary_email": {Hash: true}, "primary_phone": {Drop: true}, "custom_data": {Keep: []string{"plan"}}}})
	stage := b.stage(t, users("New")...)
	// What the session has counted before is of the transactions before.
	const updates = `select coalesce(sum(n_tup_upd) filter (where schemaname = 'logto'), 0), coalesce(sum(n_tup_upd) filter (where schemaname = 'logto_history'), 0)
from pg_stat_xact_user_tables where relname = 'users'`
	var mirror, mirrorBefore, history, historyBefore int
	err := pgx.BeginFunc(t.Context(), b.pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(t.Context(), updates).Scan(&mirrorBefore, &historyBefore); err != nil {
			return err
		}
		how := load.PublishOptions{At: b.at, Proved: all(), StoredRules: b.rules}
		if _, err := stage.Publish(t.Context(), tx, catalog.All(), how); err != nil {
			return err
		}
		return tx.QueryRow(t.Context(), updates).Scan(&mirror, &history)
	})
	if err != nil {
		t.Fatal(err)
	}
	if m, h := mirror-mirrorBefore, history-historyBefore; m != 4 || h != 3 {
		t.Errorf("%d rows of the mirror and %d of history were written over; there are 4 and 3 to redact", m, h)
	}
	if left := b.texts(t, `select u::text from logto.users u
where primary_email not like 'hmac-sha256:%' or primary_phone is not null or custom_data ? 'note'
union all select h::text from logto_history.users h where primary_email not like 'hmac-sha256:%' or primary_phone is not null or custom_data ? 'note'`); left != nil {
		t.Errorf("rows are not redacted: %v", left)
	}
	if versions := b.texts(t, "select id || ' ' || name from logto_history.users order by id, valid_to"); len(versions) != 6 {
		t.Errorf("versions in history are %v, want two of each user that was read again", versions)
	}
}

// What is stored is hashed by the database, what is read by the program.
func TestAStoredTextIsHashedAsOneThatIsRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t, item("users", "a").with(`"name":"B\\ö\\\\x41\\101 😀'"`))
	b.as(t, map[string]map[string]load.Rule{"users": {"name": {Hash: true}}})
	if _, err := b.publish(t, b.stage(t), load.PublishOptions{StoredRules: b.rules}); err != nil {
		t.Fatal(err)
	}
	want := load.Privacy{Key: []byte("a key")}.HashOf(`B\ö\\x41\101 😀'`)
	if got := b.texts(t, "select name from logto.users"); len(got) != 1 || got[0] != want {
		t.Errorf("the stored name is %q, want %q", got, want)
	}
}
