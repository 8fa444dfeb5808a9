package mirror_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

func TestAnEndpointThatAnswersForAnotherTenantIsNoticed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		users, others int
		listings      []string
		moved         bool // jobs.yaml names another endpoint
		unproved      bool // the other tenant's users are not proved
	}{
		"users who are proved":                      {users: 50, others: 60},
		"users who are not proved":                  {users: 50, others: 60, unproved: true},
		"more users than one page":                  {users: 150, others: 130, unproved: true},
		"a job without users":                       {users: 50, others: 60, listings: []string{"organizations"}},
		"a few users at another endpoint":           {users: 2, others: 3, moved: true},
		"no users at another endpoint":              {users: 4, others: 0, moved: true, listings: []string{"users"}},
		"unproved users at an endpoint that is new": {users: 50, others: 60, moved: true, unproved: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: tc.users, Organizations: 10, Seed: 9}), tc.listings...)
			b.runner.Log = silent()
			b.job.Guard = defaultGuard // so few rows that the guard alone would let them go
			wantProved(t, b.run(t))
			tenant := logtotest.Generate(logtotest.Options{Users: tc.others, Organizations: 10, Seed: 10})
			if tc.others == 0 {
				if err := tenant.DeleteUsers(userIDs(tenant)...); err != nil {
					t.Fatal(err)
				}
			}
			other := logtotest.Start(tenant)
			t.Cleanup(other.Close)
			if tc.unproved {
				other.FailOnRow(userIDs(tenant)[0])
			}
			before := b.versions(t)
			b.runner.Client = retrying(t, other, other.URL, patient)
			if tc.moved {
				b.job.Endpoint = other.URL
			}
			for range 2 { // it stays refused
				s, err := b.runner.Run(t.Context(), b.job)
				var guard *mirror.GuardError
				if !errors.As(err, &guard) || !guard.OtherTenant || s.Status != state.Refused {
					t.Fatalf("run against another tenant: %v, status %s, want it refused", err, s.Status)
				}
			}
			for table, now := range b.versions(t) {
				if now != before[table] {
					t.Errorf("%s was overwritten with another tenant's rows", table)
				}
			}
		})
	}
}

// What must not be taken for another tenant.
func TestATenantIsTheSameWhileSomebodyIsStillThere(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) *bench {
		t.Helper()
		b := setup(t, logtotest.Generate(logtotest.Options{Users: 60, Organizations: 3, Seed: 9}), "users")
		b.runner.Log, b.runner.PageSize = silent(), 20
		b.job.Guard = defaultGuard
		wantProved(t, b.run(t))
		return b
	}
	t.Run("at a new address", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		moved := logtotest.Start(b.server.Tenant)
		t.Cleanup(moved.Close)
		b.runner.Client, b.job.Endpoint = client(t, moved), moved.URL
		wantProved(t, b.run(t))
		b.wantEqual(t)
	})
	t.Run("with one user left and many new ones", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		if err := b.server.Tenant.DeleteUsers(userIDs(b.server.Tenant)[1:]...); err != nil {
			t.Fatal(err)
		}
		for range 30 {
			if _, err := b.server.Tenant.CreateUser(logtotest.Row{"name": "New"}); err != nil {
				t.Fatal(err)
			}
		}
		wantProved(t, b.run(t))
		b.wantEqual(t)
	})
	t.Run("seen by an attempt that was stopped", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.job.Listings = catalog.Select([]string{"users", "organization_users"})
		// The second attempt sees none of them itself.
		stop, through := make(chan struct{}), make(chan struct{})
		var once sync.Once
		b.runner.Stop = stop
		b.runner.Progress = func(s extract.Progress) {
			if s.Listing.Name == "users" && s.Items >= 60 {
				once.Do(func() { close(through) })
			}
		}
		pausedOnce(b.server, func(r *http.Request) bool {
			return strings.HasSuffix(r.URL.Path, "/users") && r.URL.Path != "/api/users"
		}, func() {
			<-through
			close(stop)
		})
		if _, err := b.runner.Run(t.Context(), b.job); !errors.Is(err, extract.ErrStopped) {
			t.Fatalf("not stopped: %v", err)
		}
		b.runner.Stop = nil
		if s := b.run(t); !s.Resumed {
			t.Error("not resumed: the test proves nothing")
		}
		b.wantEqual(t)
	})
}
