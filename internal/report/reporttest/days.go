package reporttest

import (
	"maps"
	"strings"
	"time"

	"logto-syncer/internal/logtotest"
)

// IDByName returns the id of the row of a table with a name, empty if there is
// none.
func IDByName(tenant *logtotest.Tenant, table, name string) string {
	for _, r := range tenant.Rows(table) {
		if r["name"] == name {
			return r["id"].(string)
		}
	}
	return ""
}

// organizationID returns the id of the organization numbered n.
func organizationID(tenant *logtotest.Tenant, n string) string {
	for _, r := range tenant.Rows("organizations") {
		if strings.HasSuffix(r["name"].(string), " "+n) {
			return r["id"].(string)
		}
	}
	return ""
}

// callUntilError calls until one fails.
func callUntilError(calls ...func() error) error {
	for _, call := range calls {
		if err := call(); err != nil {
			return err
		}
	}
	return nil
}

// SeedFirstDay puts the people and their access into a generated tenant whom the
// questions name, as they are in the night of 1 November 2026.
func SeedFirstDay(t *logtotest.Tenant) error {
	at := time.Date(2026, 10, 20, 8, 0, 0, 0, time.UTC)
	finance, support := IDByName(t, "roles", "finance"), IDByName(t, "roles", "support")
	member, admin := IDByName(t, "organization_roles", "member"), IDByName(t, "organization_roles", "admin")
	user := func(id, email, name string, more logtotest.Row) func() error {
		return func() error {
			row := logtotest.Row{
				"id": id, "primary_email": email, "name": name, "created_at": at, "updated_at": at, "last_sign_in_at": at.AddDate(0, 0, 3),
			}
			maps.Copy(row, more)
			_, err := t.CreateUser(row)
			return err
		}
	}
	known := logtotest.Row{
		"custom_data": logtotest.Row{"externalId": "crm-K41", "plan": "team"},
		"identities": logtotest.Row{"google": logtotest.Row{
			"userId": "100000000000041", "details": logtotest.Row{"id": "100000000000041", "email": "dora.keller@gmail.test", "name": "Dora Keller"},
		}},
	}
	return callUntilError(
		user("dora00000001", "Dora@example.org", "Dora Keller", known), user("dora00000002", "dora@example.org", "Dora Keller", nil),
		user("dora00000003", "DORA@example.org", "D. Keller", nil),
		user("gone00000001", "rolf@example.org", "Rolf Gone", nil),
		user("kell00000001", "karl@keller.example", "Karl Keller", nil),
		func() error {
			_, err := t.CreateScope(IDByName(t, "resources", "API resource 1"), logtotest.Row{"id": "purge", "name": "purge:orders", "created_at": at})
			return err
		},
		func() error { return t.AssignRole("dora00000001", finance) },
		func() error { return t.AssignRole("dora00000001", support) },
		func() error { return t.AssignRole("gone00000001", finance) },
		func() error { return t.AddMember(organizationID(t, "3"), "dora00000001", member, admin) },
		func() error { return t.AddMember(organizationID(t, "4"), "gone00000001", member) },
	)
}

// ApplySecondDay changes them as they are to be a night later.
func ApplySecondDay(t *logtotest.Tenant) error {
	finance, auditor := IDByName(t, "roles", "finance"), IDByName(t, "roles", "auditor")
	admin, owner := IDByName(t, "organization_roles", "admin"), IDByName(t, "organization_roles", "owner")
	return callUntilError(
		func() error { return t.DeleteUser("gone00000001") },
		func() error { return t.UnassignRole("dora00000001", finance) },
		func() error { return t.AssignRole("dora00000001", auditor) },
		func() error { return t.RemoveMemberRole(organizationID(t, "3"), "dora00000001", admin) },
		func() error { return t.AddMember(organizationID(t, "5"), "dora00000001", owner) },
		func() error {
			return t.UpdateUser("dora00000002", logtotest.Row{"primary_email": "dora.k@example.org", "is_suspended": true})
		},
		func() error {
			return t.UpdateOrganization(organizationID(t, "5"), logtotest.Row{"description": "Moved to Berlin"})
		},
	)
}
