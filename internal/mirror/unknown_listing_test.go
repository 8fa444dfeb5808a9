package mirror_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/state"
)

// behind puts a handler between the client and the simulated server.
func (b *bench) behind(t *testing.T, proxy func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { proxy(w, r, b.server) }))
	t.Cleanup(s.Close)
	b.runner.Client = retrying(t, b.server, s.URL, patient)
}

func TestA404InPlainTextIsAnOutageThatHeals(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]logtotest.Fault{
		"of users in the midst of a refresh":            {{Path: "/api/users", Skip: 3, Count: 2}},
		"of everything for a while":                     {{Skip: 4, Count: 40}},
		"of everything from the first request on":       {{Count: 30}},
		"of one organization":                           {{Path: "/api/organizations/*/users", Skip: 1, Count: 1}},
		"of one role":                                   {{Path: "/api/roles/*/users", Skip: 1, Count: 1}},
		"of a list an older server lacks":               {{Path: "/api/custom-profile-fields", Count: 1}},
		"of a list an older server lacks, for a parent": {{Path: "/api/organizations/*/jit/roles", Skip: 2, Count: 2}},
		"of a list an older server lacks, for the first parent": {
			{Path: "/api/organizations/*/jit/roles", Count: 1}, {Path: "/api/organizations/*", Count: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 200, Organizations: 12, Seed: 36}),
				"users", "user_roles", "organization_users", "organization_jit_roles", "custom_profile_fields")
			b.runner.Client, b.runner.Log, b.runner.PageSize = retrying(t, b.server, b.server.URL, patient), silent(), 10
			wantProved(t, b.run(t))
			for _, id := range userIDs(b.server.Tenant) {
				if err := b.server.Tenant.UpdateUser(id, logtotest.Row{"name": "Renamed"}); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range faults {
				f.Kind = logtotest.Missing
				b.server.Inject(f)
			}
			wantProved(t, b.run(t))
			b.wantEqual(t)
		})
	}
}

func TestATenantThatIsNotFoundEndsTheRunAndPublishesNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]logtotest.Fault{
		"from the first request on": {},
		"in the midst of the run":   {Skip: 12},
		"for all but the roles":     {Path: "/api/users"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := faulty(t)
			b.runner.Client = retrying(t, b.server, b.server.URL, impatient)
			before := b.versions(t)
			fault.Kind = logtotest.Missing
			heal := b.server.Inject(fault)
			s, err := b.runner.Run(t.Context(), b.job)
			if err == nil || !strings.Contains(err.Error(), "a tenant that is not there") || s.Status != state.Failed || !s.Resumable {
				t.Errorf("status %s, resumable %v, %v: want a failed run that can be resumed", s.Status, s.Resumable, err)
			}
			for table, now := range b.versions(t) {
				if now != before[table] {
					t.Errorf("%s was written by a run that failed", table)
				}
			}
			heal()
			b.runner.Client = retrying(t, b.server, b.server.URL, patient)
			wantProved(t, b.run(t))
			b.wantEqual(t)
		})
	}
}

func TestAListingTheServerDoesNotKnowIsSkippedAndSaid(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Organizations: 5, Seed: 16}), "custom_profile_fields", "organization_jit_roles", "roles")
	b.runner.Client, b.runner.Log = retrying(t, b.server, b.server.URL, patient), silent()
	b.server.SetVersion("1.17")
	s := b.run(t)
	for _, listing := range []string{"custom_profile_fields", "organization_jit_roles"} {
		c := certificate(s, listing)
		if s.Status != state.Succeeded || c.Proof != "unknown to server" || c.Reason == "" || c.Requests > 4+5 {
			t.Errorf("status %s, proof of %s: %s because %q in %d requests: want it skipped, and said", s.Status, listing, c.Proof, c.Reason, c.Requests)
		}
	}
	b.server.SetVersion("")
	wantProved(t, b.run(t))
	b.wantEqual(t)
}

func TestAListingThatWasReadBeforeIsNotUnknownToTheServer(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Organizations: 5, Seed: 16}), "custom_profile_fields", "organization_jit_roles")
	b.runner.Client, b.runner.Log = retrying(t, b.server, b.server.URL, patient), silent()
	wantProved(t, b.run(t))
	var heal []func()
	for _, path := range []string{"/api/custom-profile-fields", "/api/organizations/*/jit/roles"} {
		heal = append(heal, b.server.Inject(logtotest.Fault{Kind: logtotest.Missing, Path: path}))
	}
	s := b.run(t)
	for _, listing := range []string{"custom_profile_fields", "organization_jit_roles"} {
		if c := certificate(s, listing); s.Status != state.Unproved || c.Proof != "failed" || !strings.Contains(c.Reason, "an earlier run has read") {
			t.Errorf("status %s, proof of %s: %s because %q: want it failed", s.Status, listing, c.Proof, c.Reason)
		}
	}
	b.wantEqual(t) // what was known is kept
	for _, f := range heal {
		f()
	}
	wantProved(t, b.run(t))
}

// That it could not be proved then makes no difference.
func TestAListingThatWasReadInPartIsNotUnknownToTheServer(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Organizations: 5, Seed: 16}), "organization_jit_roles")
	b.runner.Client, b.runner.Log = retrying(t, b.server, b.server.URL, patient), silent()
	with := b.server.Tenant.Rows("organization_jit_roles")[0]["organization_id"].(string)
	orgs := b.server.Tenant.IDs("organizations")
	other := orgs[(slices.Index(orgs, with)+1)%len(orgs)]
	heal := b.server.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 500, Path: "/api/organizations/" + other + "/jit/roles"})
	c := certificate(b.run(t), "organization_jit_roles")
	heal()
	if c.Proof != "not proved" || b.count(t, "organization_jit_roles") == 0 {
		t.Fatalf("organization_jit_roles is %s, with %d rows", c.Proof, b.count(t, "organization_jit_roles"))
	}
	b.server.Inject(logtotest.Fault{Kind: logtotest.Missing, Path: "/api/organizations/*/jit/roles"})
	s := b.run(t)
	if c := certificate(s, "organization_jit_roles"); s.Status != state.Unproved || c.Proof != "failed" {
		t.Errorf("status %s, proof %s because %q: want it failed", s.Status, c.Proof, c.Reason)
	}
}

func TestAListingThatSomeParentsWereAnsweredForIsNotUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Organizations: 5, Seed: 16}), "organization_jit_roles")
	b.runner.Client, b.runner.Log = retrying(t, b.server, b.server.URL, impatient), silent()
	b.server.Inject(logtotest.Fault{Kind: logtotest.Missing, Path: "/api/organizations/*/jit/roles", Skip: 3})
	if s, err := b.runner.Run(t.Context(), b.job); err == nil && s.Proved() {
		t.Errorf("status %s: the server stopped answering for some organizations, and the run succeeded", s.Status)
	}
}

func TestAParentIsDeletedOnlyIfItsOwnPathSaysSo(t *testing.T) {
	t.Parallel()
	for name, times := range map[string]int64{"now and then": 2, "always": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 60, Seed: 37}), "user_roles")
			b.runner.Log = silent()
			wantProved(t, b.run(t))
			var n atomic.Int64
			b.behind(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if strings.HasSuffix(r.URL.Path, "/users") && r.URL.Path != "/api/users" && n.Add(1) <= times {
					w.Header().Set("Content-Type", "application/json")
					w.WriteHeader(http.StatusNotFound)
					_, _ = w.Write([]byte(`{"code":"entity.not_exists_with_id","message":"x"}`))
					return
				}
				next.ServeHTTP(w, r)
			})
			s := b.run(t)
			if c := certificate(s, "user_roles"); (c.Proof == "complete") != (name == "now and then") {
				t.Errorf("user_roles is %s: %s", c.Proof, c.Reason)
			}
			b.wantEqual(t)
		})
	}
}
