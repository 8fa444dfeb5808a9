package mirror_test

import (
	"slices"
	"testing"

	"logto-syncer/internal/load"
	"logto-syncer/internal/logtotest"
)

// A server newer than this version: what it sends beside the columns is stored in
// extra, and every certificate says so, whether or not anything has changed.
func TestFieldsThatNoColumnIsForAreStoredAndNamed(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 150, Seed: 21}))
	b.server.AddField("users", "favoriteColor", `"blue"`)
	b.server.AddField("scopes", "tier", `{"n":1}`)
	for _, reading := range []string{"first", "next"} {
		s := b.run(t)
		wantProved(t, s)
		for listing, want := range map[string][]string{"users": {"users.favoriteColor"}, "resources": {"scopes.tier"}, "roles": nil} {
			if got := load.UnknownFields(certificate(s, listing).Notes); !slices.Equal(got, want) {
				t.Errorf("the %s reading of %s found %v unknown, want %v", reading, listing, got, want)
			}
		}
	}
	var users, scopes int
	row := b.pool.QueryRow(t.Context(), `select (select count(*) from logto.users where extra = '{"favoriteColor": "blue"}'),
		(select count(*) from logto.scopes where extra = '{"tier": {"n": 1}}')`)
	if err := row.Scan(&users, &scopes); err != nil {
		t.Fatal(err)
	}
	if users != 150 || scopes != b.server.Tenant.Count("scopes") {
		t.Errorf("extra of %d users and %d scopes", users, scopes)
	}
}
