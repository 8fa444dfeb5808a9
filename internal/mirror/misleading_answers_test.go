package mirror_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
)

// holders makes a role with so many holders and returns it with their ids; the
// last one is the oldest user, who is on no first page.
func holders(t *testing.T, tenant *logtotest.Tenant, n int) (role string, ids []string) {
	t.Helper()
	role, err := tenant.CreateRole(logtotest.Row{"name": "on call", "description": "x"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		id, err := tenant.CreateUser(logtotest.Row{"name": "Holder", "created_at": tenant.Now().Add(-time.Duration(i+1) * 365 * time.Hour)})
		if err := errors.Join(err, tenant.AssignRole(id, role)); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return role, ids
}

func TestAHolderWhoComesBackStandsInForNobody(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"in a list that is one range": 40, "in a list of many ranges": 250} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 10, Seed: 33}), "user_roles")
			b.runner.Log, b.runner.PageSize = silent(), 10
			tenant := b.server.Tenant
			role, ids := holders(t, tenant, n)
			hidden := ids[n-1]
			near := slices.IndexFunc(ids[20:n-1], func(id string) bool { return id[0] == hidden[0] || n < 100 })
			back := ids[20+near] // in the same range as the hidden one
			distance := func(id string) int { return max(int(id[0])-int(hidden[0]), int(hidden[0])-int(id[0])) }
			far := slices.MaxFunc(ids[20:n-1], func(a, b string) int { return distance(a) - distance(b) })
			if err := tenant.UnassignRole(hidden, role); err != nil {
				t.Fatal(err)
			}
			wantProved(t, b.run(t))
			if err := errors.Join(tenant.UnassignRole(back, role), tenant.AssignRole(hidden, role)); err != nil {
				t.Fatal(err)
			}
			var once sync.Once
			b.server.OnRequest(func(_ int, r *http.Request) {
				if r.URL.Path == "/api/roles/"+role+"/users" && strings.Contains(r.URL.RawQuery, "mode.id=exact") {
					once.Do(func() { // when it has been counted, before one is asked for
						err := tenant.AssignRole(back, role)
						if n > 100 { // hides in the sum that the list is longer
							err = errors.Join(err, tenant.UnassignRole(far, role))
						}
						if err != nil {
							t.Error(err)
						}
					})
				}
			})
			wantProved(t, b.run(t))
			b.wantEqual(t)
		})
	}
}

func TestNewHoldersDuringTheRunCostNoReadingInFull(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 10, Seed: 33}), "user_roles")
	b.runner.Log, b.runner.PageSize = silent(), 10
	tenant := b.server.Tenant
	role, _ := holders(t, tenant, 250)
	wantProved(t, b.run(t))
	quiet := certificate(b.run(t), "user_roles").Requests
	var once sync.Once
	b.server.OnRequest(func(_ int, r *http.Request) {
		if r.URL.Path == "/api/roles/"+role+"/users" && strings.Contains(r.URL.RawQuery, "mode.id=exact") {
			once.Do(func() {
				id, err := tenant.CreateUser(logtotest.Row{"name": "New"})
				if err := errors.Join(err, tenant.AssignRole(id, role)); err != nil {
					t.Error(err)
				}
			})
		}
	})
	s := b.run(t)
	wantProved(t, s)
	b.wantEqual(t)
	if c := certificate(s, "user_roles"); c.Requests > quiet+1 || c.Notes["ranges of ids that did not add up and were read in full"] > 0 {
		t.Errorf("%d requests and %v, and %d when nobody came", c.Requests, c.Notes, quiet)
	}
}

// The first page is read, one leaves, the page behind it is read, where one is
// missing now who has moved up; the list is counted, and it all comes back in the
// second reading: who left is there, and who moved is missing again.
func TestAMemberWhoComesBackStandsInForNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 60, Seed: 34}), "organization_users")
	b.runner.Client, b.runner.Log, b.runner.PageSize = sequential(t, b.server), silent(), 10
	tenant := b.server.Tenant
	org, err := tenant.CreateOrganization(logtotest.Row{"name": "Crowded"})
	if err != nil {
		t.Fatal(err)
	}
	members := slices.Sorted(slices.Values(userIDs(tenant)))[:40] // the order of the list
	for _, id := range members {
		if err := tenant.AddMember(org, id); err != nil {
			t.Fatal(err)
		}
	}
	wantProved(t, b.run(t))
	back, hidden := members[3], members[10]
	pages := map[string]int{}
	b.server.OnRequest(func(_ int, r *http.Request) {
		if r.URL.Path != "/api/organizations/"+org+"/users" {
			return
		}
		page := r.URL.Query().Get("page")
		pages[page]++
		var err error
		switch {
		case page == "2" && pages["2"] == 1:
			err = tenant.RemoveMember(org, back)
		case page == "1" && pages["1"] == 2:
			err = tenant.AddMember(org, back)
		case page == "2" && pages["2"] == 2: // who else moves the rest up, and down again
			err = tenant.RemoveMember(org, members[0])
		case page == "3" && pages["3"] == 2:
			err = tenant.AddMember(org, members[0])
		}
		if err != nil {
			t.Error(err)
		}
	})
	s := b.run(t)
	b.server.OnRequest(nil)
	var there bool
	const sql = "select exists (select from logto.organization_users where organization_id = $1 and user_id = $2)"
	if err := b.pool.QueryRow(t.Context(), sql, org, hidden).Scan(&there); err != nil {
		t.Fatal(err)
	}
	if !there {
		t.Errorf("organization_users is %s, and a member who never left is not in the mirror", certificate(s, "organization_users").Proof)
	}
	wantProved(t, b.run(t))
	b.wantEqual(t)
}

func TestAnEmptyRangeThatAnswers500IsHeldAgainstTheMirror(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 5, Seed: 34}), "users")
	b.runner.Client, b.runner.Log, b.runner.PageSize = retrying(t, b.server, b.server.URL, patient), silent(), 10
	tenant := b.server.Tenant
	id, err := tenant.CreateUser(logtotest.Row{"id": "Import_00001", "name": "Imported"})
	if err != nil {
		t.Fatal(err)
	}
	wantProved(t, b.run(t))
	if err := tenant.DeleteUser(id); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if _, err := tenant.CreateUser(logtotest.Row{"name": "New"}); err != nil {
			t.Fatal(err)
		}
	}
	b.server.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 500, Path: "/api/users", Query: "%5B%5E0-9a-z%5D", Count: 3})
	wantProved(t, b.run(t))
	b.wantEqual(t)
}

func TestAListThatIsNotSentIsNotEmpty(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		listings  []string
		parameter string // which a proxy drops
		says      string
	}{
		"SSO identities of a user": {[]string{"user_sso_identities"}, "includeSsoIdentities", "ssoIdentities"},
		"scopes of a resource":     {[]string{"resources", "role_scopes", "organization_roles"}, "includeScopes", "scopes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, recorded(t), tc.listings...)
			b.runner.Log = silent()
			wantProved(t, b.run(t))
			b.wantEqual(t)
			b.behind(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				query := r.URL.Query()
				query.Del(tc.parameter)
				r.URL.RawQuery = query.Encode()
				next.ServeHTTP(w, r)
			})
			s := b.run(t)
			c := certificate(s, tc.listings[0])
			if c.Proof != "not proved" || !strings.Contains(c.Reason, tc.says) {
				t.Errorf("%s is %s: %s", c.Listing, c.Proof, c.Reason)
			}
			b.wantEqual(t)
		})
	}
}

// A connector whose kind of provider the server no longer supports is in no list
// of connectors, but in that of an organization.
func TestARowThatPointsAtWhatTheServerDoesNotListIsMirrored(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t), "organization_jit_sso_connectors")
	b.runner.Log = silent()
	tenant := b.server.Tenant
	hidden := tenant.Rows("sso_connectors")[0]["id"]
	if tenant.Count("organization_jit_sso_connectors") == 0 {
		row := logtotest.Row{"organization_id": tenant.Rows("organizations")[0]["id"], "sso_connector_id": hidden}
		if _, err := tenant.Insert("organization_jit_sso_connectors", row); err != nil {
			t.Fatal(err)
		}
	}
	b.behind(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path != "/api/sso-connectors" {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		var rows []map[string]any
		if err := json.Unmarshal(answer.Body.Bytes(), &rows); err != nil {
			t.Error(err)
		}
		rows = slices.DeleteFunc(rows, func(row map[string]any) bool { return row["id"] == hidden })
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(rows)
	})
	for range 2 {
		wantProved(t, b.run(t))
		if have, want := b.count(t, "organization_jit_sso_connectors"), tenant.Count("organization_jit_sso_connectors"); have != want {
			t.Errorf("%d rows in the mirror, %d in the tenant", have, want)
		}
	}
}

func TestADefaultPageWithoutTotalNumberIsNotTakenForAWholeList(t *testing.T) {
	t.Parallel()
	for version, numbers := range map[string][]int{"1.24": {19, 20, 21, 40, 100, 130}, "": {20}} {
		for _, n := range numbers {
			t.Run(fmt.Sprint(version, " with ", n), func(t *testing.T) {
				t.Parallel()
				b := setup(t, logtotest.Generate(logtotest.Options{Users: 3, Seed: 35}), "organization_scopes")
				b.runner.Log = silent()
				tenant := b.server.Tenant
				for i := tenant.Count("organization_scopes"); i < n; i++ {
					if _, err := tenant.Insert("organization_scopes", logtotest.Row{"name": fmt.Sprintf("scope:%03d", i), "description": "x"}); err != nil {
						t.Fatal(err)
					}
				}
				wantProved(t, b.run(t))
				b.server.SetVersion(version)
				b.server.Inject(logtotest.Fault{Kind: logtotest.NoTotal})
				c := certificate(b.run(t), "organization_scopes")
				if want := n < 100; (c.Proof == "complete") != want || c.Deleted > 0 {
					t.Errorf("%d scopes: %s because %q, %d deleted", n, c.Proof, c.Reason, c.Deleted)
				}
				if n == 20 && c.Requests > 2 || n == 19 && c.Requests > 1 {
					t.Errorf("%d requests for %d scopes", c.Requests, n)
				}
				if have := b.count(t, "organization_scopes"); have != n {
					t.Errorf("%d scopes in the mirror, %d in the tenant", have, n)
				}
			})
		}
	}
}

func TestAScopeMadeDuringTheRunIsReadWithItsResource(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Seed: 41}), "role_scopes")
	b.runner.Log = silent()
	wantProved(t, b.run(t))
	tenant := b.server.Tenant
	resource := tenant.Rows("resources")[0]["id"].(string)
	var once sync.Once
	b.server.OnRequest(func(_ int, r *http.Request) {
		role, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/api/roles/"), "/scopes")
		if !ok {
			return
		}
		once.Do(func() {
			scope, err := tenant.CreateScope(resource, logtotest.Row{"name": "late:scope"})
			if err == nil {
				_, err = tenant.Insert("roles_scopes", logtotest.Row{"role_id": role, "scope_id": scope})
			}
			if err != nil {
				t.Error(err)
			}
		})
	})
	wantProved(t, b.run(t))
	b.wantEqual(t)
}

// sequential is a client that sends one request after the other.
func sequential(t *testing.T, server *logtotest.Server) *logto.Client {
	t.Helper()
	c, err := logto.New(logto.Config{
		Endpoint: server.URL, Resource: server.Resource, AppID: server.AppID, AppSecret: server.AppSecret, Concurrency: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A proxy that drops the query answers a question about some holders with how
// many there are. As many were asked for: of one who came when another went,
// that says nothing.
func TestTheNumberOfAllHoldersIsNotTakenForThatOfThoseAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 3, Seed: 54}), "application_roles")
	b.runner.Log, b.runner.PageSize = silent(), 30
	tenant := b.server.Tenant
	role, err := tenant.CreateRole(logtotest.Row{"name": "machines", "description": "x", "type": "MachineToMachine"})
	if err != nil {
		t.Fatal(err)
	}
	var apps []string
	for i := range 41 {
		app, err := tenant.CreateApplication(logtotest.Row{"name": fmt.Sprint("App ", i), "type": "MachineToMachine"})
		if err == nil && i < 40 {
			_, err = tenant.Insert("applications_roles", logtotest.Row{"role_id": role, "application_id": app})
		}
		if err != nil {
			t.Fatal(err)
		}
		apps = append(apps, app)
	}
	wantProved(t, b.run(t))
	b.wantEqual(t)
	_, err = tenant.Insert("applications_roles", logtotest.Row{"role_id": role, "application_id": apps[40]})
	if err := errors.Join(err, tenant.Unlink("applications_roles", logtotest.Row{"role_id": role, "application_id": apps[39]})); err != nil {
		t.Fatal(err)
	}
	direct := b.runner.Client
	b.behind(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path == "/api/roles/"+role+"/applications" {
			r.URL.RawQuery = ""
		}
		next.ServeHTTP(w, r)
	})
	if s, err := b.runner.Run(t.Context(), b.job); err == nil && certificate(s, "application_roles").Proof == "complete" {
		b.wantEqual(t)
	}
	b.runner.Client = direct
	b.run(t) // it may resume the one that failed, and what that could not prove
	wantProved(t, b.run(t))
	b.wantEqual(t)
}
