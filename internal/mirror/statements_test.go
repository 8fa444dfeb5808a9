package mirror_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
)

// A database that spreads the tables by tenant sends a statement to where the
// tenant is only if the statement names it; some that do not it refuses.
func TestEveryStatementNamesItsTenant(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t), catalog.Names()...)
	b.runner.Log = silent()
	var r *recorder
	b.pool, r = recording(t, b.pool)
	b.runner.Pool = b.pool
	b.everyKindOfRun(t)

	statements := slices.Sorted(maps.Keys(r.statements))
	for _, sql := range statements {
		for _, table := range tablesWithoutTenant(t, sql) {
			t.Errorf("the tenant is not named of %s in\n%s", table, sql)
		}
	}
	// The test says nothing of a statement that was not sent.
	files, err := filepath.Glob("../load/sql/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no statements of package load: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		comment, _, _ := strings.Cut(string(text), "\n")
		comment, _, _ = strings.Cut(comment, "{{")
		if !strings.HasPrefix(comment, "-- ") {
			t.Errorf("%s does not begin with a comment, by which it is recognized here", file)
		}
		if !slices.ContainsFunc(statements, func(sql string) bool { return strings.HasPrefix(sql, comment) }) {
			t.Errorf("%s was not executed", filepath.Base(file))
		}
	}
}

// everyKindOfRun does all that reads or writes the rows of a tenant.
func (b *bench) everyKindOfRun(t *testing.T) {
	t.Helper()
	tenant := b.server.Tenant
	b.run(t)
	b.run(t)
	users := userIDs(tenant)
	member := tenant.Rows("organization_user_relations")[0]
	organization := tenant.Rows("organizations")[0]["id"].(string)
	fail := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	// Items change, leave, are read twice, and are read before they leave.
	for i := range 40 {
		b.after(i, func() {
			fail(tenant.UpdateUser(users[0], logtotest.Row{"name": strings.Repeat("a", i+1)}),
				tenant.UpdateOrganization(organization, logtotest.Row{"name": strings.Repeat("o", i+1)}))
		})
	}
	fail(tenant.DeleteUser(users[1]), tenant.UpdateUser(users[2], logtotest.Row{"name": "Other"}))
	b.run(t)
	end := b.stripFields(t, "/api/organizations/", "organizationRoles")
	fail(tenant.RemoveMember(member["organization_id"].(string), member["user_id"].(string)))
	b.run(t)
	end()

	b.job.Privacy = load.Privacy{Key: []byte("a key"), Rules: map[string]map[string]load.Rule{"users": {
		"primary_email": {Hash: true}, "primary_phone": {Drop: true}, "custom_data": {Keep: []string{"plan"}}, "extra": {Drop: true},
	}}}
	b.job.Retention = 1
	b.run(t)
	b.verify(t, 0)
	people := load.DataSubjects{IDs: users[3:4], Addresses: []string{"somebody@example.com"}}
	loader, err := load.Open(t.Context(), b.pool, b.job.Tenant, catalog.All())
	fail(err)
	fail(loader.PersonRows(t.Context(), b.pool, people, func(load.RowAboutPerson) error { return nil }))
	_, err = mirror.EraseUsers(t.Context(), b.pool, b.job.Tenant, people)
	fail(err)
	fail(pgx.BeginFunc(context.WithoutCancel(t.Context()), b.pool, func(tx pgx.Tx) error {
		_, err := loader.OldestPersonLog(t.Context(), tx, people)
		return err
	}))
}
