package mirror_test

import (
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

func TestARefreshAsksForLittleMoreThanTheKnownIDs(t *testing.T) {
	t.Parallel()
	users := map[bool]int{false: 20_000, true: 3000}[underRace]
	b := setup(t, logtotest.Generate(logtotest.Options{Users: users, Organizations: 5, Seed: 14, Ties: true}), "users", "user_roles")
	b.runner.Log = silent()
	wantProved(t, b.run(t))
	for _, tc := range []struct {
		name   string
		change func(tenant *logtotest.Tenant, ids []string) error
	}{
		{"nothing has changed", func(*logtotest.Tenant, []string) error { return nil }},
		{"some are new", func(tenant *logtotest.Tenant, _ []string) error {
			for range 150 {
				if _, err := tenant.CreateUser(logtotest.Row{"name": "New"}); err != nil {
					return err
				}
			}
			return nil
		}},
		{"some are gone", func(tenant *logtotest.Tenant, ids []string) error { return tenant.DeleteUsers(ids[:150]...) }},
		{"one has changed", func(tenant *logtotest.Tenant, ids []string) error {
			return tenant.UpdateUser(ids[300], logtotest.Row{"custom_data": map[string]any{"plan": "other"}})
		}},
		{"one is new and says it is old", func(tenant *logtotest.Tenant, _ []string) error {
			_, err := tenant.CreateUser(logtotest.Row{"name": "Imported", "created_at": tenant.Now().Add(-2 * 365 * 24 * time.Hour)})
			return err
		}},
	} {
		if err := tc.change(b.server.Tenant, userIDs(b.server.Tenant)); err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		s := b.run(t)
		wantProved(t, s)
		b.wantEqual(t)
		c := certificate(s, "users")
		most := 1.02*float64(c.Distinct)/100 + 40
		if c.Walk != "refresh" || float64(c.Requests) > most {
			t.Errorf("%s: %s of %d users in %d requests, want a refresh in at most %.0f", tc.name, c.Walk, c.Distinct, c.Requests, most)
		}
		roles := certificate(s, "user_roles")
		t.Logf("%s: users %d requests for %d, user_roles %d for %d", tc.name, c.Requests, c.Distinct, roles.Requests, roles.Distinct)
	}
}

// Found by the schedules: a capped total is no count. Taken for one, it came to
// as many as were known and alive, and a user nobody had seen was left out.
func TestARefreshDoesNotBelieveACappedTotal(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 30, Seed: 22}), "users")
	b.runner.PageSize = 10
	wantProved(t, b.run(t))
	tenant := b.server.Tenant
	if err := tenant.DeleteUsers(userIDs(tenant)[0]); err != nil {
		t.Fatal(err)
	}
	old := logtotest.Row{"name": "Imported", "created_at": tenant.Now().Add(-5 * 365 * 24 * time.Hour)}
	if _, err := tenant.CreateUser(old); err != nil {
		t.Fatal(err)
	}
	b.server.Inject(logtotest.Fault{Kind: logtotest.Capped, Path: "/api/users", Cap: 28, Count: 1})
	wantProved(t, b.run(t))
	b.wantEqual(t)
}

func certificate(s mirror.Summary, listing string) state.Certificate {
	for _, c := range s.Listings {
		if c.Listing == listing {
			return c
		}
	}
	return state.Certificate{}
}

// Found by the schedules: without Total-Number, that an id is not in the answer
// does not say that it is deleted, but the sum of those alive was right.
func TestARefreshThatCannotSayWhoIsDeletedProvesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 30, Seed: 23}), "users")
	b.runner.PageSize = 10
	wantProved(t, b.run(t))
	if err := b.server.Tenant.DeleteUsers(userIDs(b.server.Tenant)[0]); err != nil {
		t.Fatal(err)
	}
	heal := b.server.Inject(logtotest.Fault{Kind: logtotest.NoTotal, Path: "/api/users", Query: "mode.id=exact"})
	if c := certificate(b.run(t), "users"); c.Proof != "not proved" {
		t.Errorf("users is %s: nobody has said who is deleted", c.Proof)
	}
	heal()
	wantProved(t, b.run(t))
	b.wantEqual(t)
}
