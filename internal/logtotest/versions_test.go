package logtotest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"logto-syncer/internal/logtotest"
)

// TestVersionsDifferAsWasMeasured asks every version that syncer was run against
// the questions in which they differ. An answer is 404, whole or paged, or what a
// row says of itself.
func TestVersionsDifferAsWasMeasured(t *testing.T) {
	t.Parallel()
	versions := []string{"1.16", "1.20", "1.25", "1.31", "1.36", "1.40", "1.42"}
	rows := []struct {
		path, is string
		of       func(reply) string // nil: paging
	}{
		{"organization-scopes", "paged paged whole whole whole whole whole", nil},
		{"organization-roles/{orgrole}/scopes", "paged paged whole whole whole whole whole", nil},
		{"organizations/{org}/jit/email-domains", "404 paged paged paged whole whole whole", nil},
		{"organizations/{org}/jit/roles", "404 whole whole whole whole whole whole", nil},
		{"organizations/{org}/jit/sso-connectors", "404 whole whole whole whole whole whole", nil},
		{"applications/{app}/organizations", "404 whole whole whole whole whole whole", nil},
		{"users/{user}/personal-access-tokens", "404 whole whole whole whole whole whole", nil},
		{"organizations/{org}/applications", "404 paged paged paged paged paged paged", nil},
		{"custom-profile-fields", "404 404 404 whole whole whole whole", nil},
		{"organizations/{org}/users?page_size=100", "none none none none none id id", order},
		{"logs?start_time=99999999999999", "ignored ignored ignored ignored ignored taken taken", parameter},
		{"logs?end_time=1", "ignored ignored ignored ignored ignored taken taken", parameter},
		{"organizations/{org}/users?organizationRoleId=none", "ignored ignored ignored ignored ignored ignored taken", parameter},
		{"roles?mode.name=exact&search.name=Logto%20Management%20API%20access", "0 1 1 1 1 1 1", total},
		{"users?mode.id=exact&isCaseSensitive=true&search.id={user}&search.id={other}", "2 2 2 2 2 2 2", total},
		{"users?mode.id=posix&isCaseSensitive=true&search.id=%5E({user}|{other})", "2 2 2 2 2 2 2", total},
		{"users?mode.id=exact&isCaseSensitive=true&search.id={USER}", "0 0 0 0 0 0 0", total},
		{"users?mode.id=exact&search.id={USER}", "1 1 1 1 1 1 1", total},
	}
	for i, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			tenant := logtotest.Generate(logtotest.Options{Users: 30, Organizations: 1, Version: version})
			ids := names(t, tenant)
			s := start(t, tenant, logtotest.WithVersion(version))
			bearer := token(t, s, "all")
			for _, r := range rows {
				of := r.of
				if of == nil {
					of = paging
				}
				got := of(ask(t, s, http.MethodGet, "/api/"+ids.Replace(r.path), bearer))
				if want := strings.Fields(r.is)[i]; got != want {
					t.Errorf("%s: %s, want %s", r.path, got, want)
				}
			}
		})
	}
}

// names fills in the ids of a tenant's rows; its first organization gets members
// in the order that ids do not have.
func names(t *testing.T, tenant *logtotest.Tenant) *strings.Replacer {
	t.Helper()
	org, users := tenant.IDs("organizations")[0], tenant.IDs("users")
	must(t, tenant.ReplaceMembers(org))
	slices.Sort(users)
	for _, user := range slices.Backward(users) {
		must(t, tenant.AddMember(org, user))
	}
	withLetter := slices.IndexFunc(users, func(id string) bool { return strings.ToUpper(id) != id })
	user, other := users[withLetter], users[(withLetter+1)%len(users)]
	return strings.NewReplacer("{org}", org, "{orgrole}", tenant.IDs("organization_roles")[0], "{app}", tenant.IDs("applications")[0],
		"{user}", user, "{other}", other, "{USER}", strings.ToUpper(user))
}

func paging(r reply) string {
	switch {
	case r.status != http.StatusOK:
		return fmt.Sprint(r.status)
	case r.header.Get("Total-Number") != "":
		return "paged"
	}
	return "whole"
}

func order(r reply) string {
	var ids []string
	for _, item := range r.body.([]any) {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	if slices.IsSorted(ids) {
		return "id"
	}
	return "none"
}

func parameter(r reply) string {
	if total(r) == "0" {
		return "taken"
	}
	return "ignored"
}

func total(r reply) string { return r.header.Get("Total-Number") }
