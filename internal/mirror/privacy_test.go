package mirror_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"logto-syncer/internal/load"
	"logto-syncer/internal/logtotest"
)

func (b *bench) dump(t *testing.T) []byte {
	t.Helper()
	dump, err := exec.CommandContext(t.Context(), pgDump(t), "--data-only", "--dbname", b.pool.Config().ConnString()).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	return dump
}

func TestNothingAPrivacyRuleForbidsIsInTheDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t), "users", "organization_users", "organization_invitations")
	b.runner.Log = silent()
	tenant := b.server.Tenant
	var ids, forbidden []string
	for i, row := range tenant.Rows("users") {
		id := row["id"].(string)
		ids = append(ids, id)
		mark := strings.Repeat("x", i%3) + "secret" + id
		err := tenant.UpdateUser(id, logtotest.Row{
			"primary_email": mark + "@mail.example", "primary_phone": "+49" + mark, "name": "Name " + mark,
			"custom_data": map[string]any{"plan": "pro", "note": "note " + mark, "address": map[string]any{"country": "DE", "street": "street " + mark}},
		})
		if err != nil {
			t.Fatal(err)
		}
		forbidden = append(forbidden, mark+"@mail.example", "+49"+mark, "note "+mark, "street "+mark)
	}
	wantNone := func(when string) {
		t.Helper()
		dump := b.dump(t)
		found := 0
		for _, value := range forbidden {
			if bytes.Contains(dump, []byte(value)) {
				found++
			}
		}
		if found > 0 {
			t.Errorf("%s: %d of %d forbidden values are in the dump", when, found, len(forbidden))
		}
		if !bytes.Contains(dump, []byte("Name secret"+ids[0])) {
			t.Errorf("%s: what may be stored is not", when)
		}
	}
	rules := load.Privacy{Key: []byte("a key"), Rules: map[string]map[string]load.Rule{"users": {
		"primary_email": {Hash: true}, "primary_phone": {Drop: true}, "custom_data": {Keep: []string{"plan", "address.country"}},
	}}}

	// Stored without rules, and changed, so that history has the values too.
	wantProved(t, b.run(t))
	for _, id := range ids[:50] {
		if err := tenant.UpdateUser(id, logtotest.Row{"avatar": "https://other.example"}); err != nil {
			t.Fatal(err)
		}
	}
	wantProved(t, b.run(t))
	versions := b.versionsInHistory(t)
	if versions < 50 {
		t.Fatalf("%d versions in history: the test would prove nothing", versions)
	}

	b.job.Privacy = rules
	wantProved(t, b.run(t))
	wantNone("under the rule")
	if now := b.versionsInHistory(t); now != versions {
		t.Errorf("%d versions in history, %d before the rule: a rule is no change of the tenant's", now, versions)
	}
	var distinct, users int
	if err := b.pool.QueryRow(t.Context(), "select count(distinct primary_email), count(*) from logto.users where primary_email like 'hmac-sha256:%'").Scan(&distinct, &users); err != nil {
		t.Fatal(err)
	}
	if users != len(ids) || distinct != users {
		t.Errorf("%d hashed addresses, %d distinct, of %d users with one each", users, distinct, len(ids))
	}
	var agree bool
	sql := `select bool_and(h.primary_email = u.primary_email and h.custom_data = u.custom_data) from logto_history.users h join logto.users u using (tenant_id, id)`
	if err := b.pool.QueryRow(t.Context(), sql).Scan(&agree); err != nil || !agree {
		t.Errorf("history and mirror hash and keep alike: %v, %v", agree, err)
	}
	s := b.run(t)
	if c := certificate(s, "users"); c.Updated != 0 {
		t.Errorf("%d users updated by a run under the same rule", c.Updated)
	}

	b.job.Privacy = load.Privacy{}
	wantProved(t, b.run(t))
	b.wantEqual(t)
	b.job.Privacy = rules
	wantProved(t, b.run(t))
	wantNone("under the rule again")
}

func (b *bench) versionsInHistory(t *testing.T) (n int) {
	t.Helper()
	if err := b.pool.QueryRow(t.Context(), "select count(*) from logto_history.users").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
