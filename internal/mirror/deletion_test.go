package mirror_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// defaultGuard is what jobs.yaml has when it says nothing.
func defaultGuard(leaving, rows int64) bool { return leaving <= 100 || leaving*100 <= rows*20 }

func TestTenThousandUsersDeletedDuringARun(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"the first": false, "a refresh": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 13_000, Organizations: 20, Seed: 7, Ties: true}), "users", "user_roles", "organization_users")
			b.runner.Log = silent()
			if known {
				wantProved(t, b.run(t))
			}
			ids := userIDs(b.server.Tenant)
			dying, living := ids[:10_000], ids[10_000:]
			next := 0
			for range 10 {
				upTo := min(len(dying), next+1000)
				batch := dying[next:upTo]
				next = upTo
				b.after(15*(next/1000), func() {
					if err := b.server.Tenant.DeleteUsers(batch...); err != nil {
						t.Errorf("delete users: %v", err)
					}
				})
			}
			b.run(t)
			mirrored := b.ids(t, "users")
			for _, id := range living {
				if !mirrored[id] {
					t.Fatalf("user %s lived throughout and is not in the mirror", id)
				}
			}
			wantProved(t, b.run(t))
			b.wantEqual(t)
		})
	}
}

// ids returns the ids in a table of the mirror.
func (b *bench) ids(t *testing.T, table string) map[string]bool {
	t.Helper()
	rows, err := b.pool.Query(t.Context(), "select id from logto."+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	ids := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids[id] = true
	}
	return ids
}

func TestARunThatWouldDeleteTooMuchPublishesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 1000, Seed: 8}))
	b.job.Guard = defaultGuard
	wantProved(t, b.run(t))
	if err := b.server.Tenant.DeleteUsers(userIDs(b.server.Tenant)[:400]...); err != nil {
		t.Fatal(err)
	}
	before := b.versions(t)
	s, err := b.runner.Run(t.Context(), b.job)
	var guard *mirror.GuardError
	if !errors.As(err, &guard) || s.Status != state.Refused {
		t.Fatalf("run: %v, status %s, want it refused by the guard", err, s.Status)
	}
	if !slices.ContainsFunc(guard.Tables, func(l load.TableDeletions) bool { return l.Table == "users" && l.Deleted == 400 && l.Rows == 1000 }) {
		t.Errorf("the guard named %v, want 400 of 1000 users", guard.Tables)
	}
	for table, now := range b.versions(t) {
		if now != before[table] {
			t.Errorf("%s was written by a run that was refused", table)
		}
	}
	b.job.Guard = nil // --allow-mass-delete
	wantProved(t, b.run(t))
	b.wantEqual(t)
}

func TestHistoryHasWhatWasReplacedOrDeletedButNotVolatileChanges(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Seed: 11}))
	b.run(t)
	tenant := b.server.Tenant
	ids := userIDs(tenant)
	renamed, deleted, signedIn := ids[0], ids[1], ids[2]
	for _, err := range []error{
		tenant.UpdateUser(renamed, logtotest.Row{"name": "New Name"}),
		tenant.DeleteUser(deleted),
		tenant.UpdateUser(signedIn, logtotest.Row{"last_sign_in_at": tenant.Now()}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	b.run(t)
	b.wantEqual(t)
	for id, want := range map[string]int{renamed: 1, deleted: 1, signedIn: 0} {
		var versions int
		if err := b.pool.QueryRow(t.Context(), "select count(*) from logto_history.users where id = $1", id).Scan(&versions); err != nil {
			t.Fatal(err)
		}
		if versions != want {
			t.Errorf("user %s has %d versions in history, want %d", id, versions, want)
		}
	}
	b.job.Retention = 1 // a nanosecond: by the next run all of it is too old
	if err := tenant.UpdateUser(renamed, logtotest.Row{"name": "Newer Name"}); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	var old int
	if err := b.pool.QueryRow(t.Context(), "select count(*) from logto_history.users where id = $1", deleted).Scan(&old); err != nil {
		t.Fatal(err)
	}
	if old != 0 {
		t.Errorf("%d versions are kept beyond the retention", old)
	}
}

func TestAForgottenPersonIsInNoTable(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t), "users", "user_roles", "organization_users", "organization_invitations", "user_sso_identities", "personal_access_tokens", "logs")
	b.run(t)
	const person = "upvhfami6q80"
	if err := b.server.Tenant.UpdateUser(person, logtotest.Row{"name": "Renamed"}); err != nil {
		t.Fatal(err)
	}
	b.run(t) // now history has the person too
	if err := b.server.Tenant.DeleteUser(person); err != nil {
		t.Fatal(err)
	}
	erased, err := mirror.EraseUsers(t.Context(), b.pool, b.job.Tenant, load.DataSubjects{IDs: []string{person}})
	if err != nil {
		t.Fatal(err)
	}
	if erased["logto.users"] != 1 || erased["logto_history.users"] != 1 {
		t.Errorf("erased %v, want the user in the mirror and in history", erased)
	}
	for _, word := range []string{person, "olga.petrov1108"} {
		if b.holds(t, word) {
			t.Errorf("%s is still in the database", word)
		}
	}
	// That it was erased can still be asked for, by who has the id.
	for id, want := range map[string]int{person: 1, "someoneelse1": 0} {
		var n int
		if err := b.pool.QueryRow(t.Context(), "select count(*) from report.erasures_of($1, $2)", id, b.job.Tenant).Scan(&n); err != nil || n != want {
			t.Errorf("%d erasures of %s, error %v, want %d", n, id, err, want)
		}
	}
	b.run(t)
	b.wantEqual(t)
}

// holds reports whether any row of any table has the word.
func (b *bench) holds(t *testing.T, word string) bool {
	t.Helper()
	var found bool
	sql := `select exists (select from pg_class c, query_to_xml(format('select 1 from %s t where t::text like %L limit 1', c.oid::regclass, '%' || $1::text || '%'), false, true, '') x
where c.relnamespace in ('logto'::regnamespace, 'logto_history'::regnamespace, 'syncer'::regnamespace) and c.relkind = 'r' and x::text like '%row%')`
	if err := b.pool.QueryRow(t.Context(), sql, word).Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestVerifyFindsWhatDiffers(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 1500, Seed: 12}))
	b.run(t)
	for _, sample := range []int{0, 5} {
		for _, v := range b.verify(t, sample) {
			if !v.Equal() {
				t.Errorf("sample %d: %s differs from the tenant it was just read from: %+v", sample, v.Listing, v)
			}
		}
	}
	ids := userIDs(b.server.Tenant)
	created, err := b.server.Tenant.CreateUser(logtotest.Row{"name": "New"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.server.Tenant.DeleteUser(ids[5]), b.server.Tenant.UpdateUser(ids[6], logtotest.Row{"name": "Other"})); err != nil {
		t.Fatal(err)
	}
	before := b.versions(t)
	want := map[string]string{created: mirror.Missing, ids[5]: mirror.Deleted, ids[6]: mirror.Changed}
	for _, v := range b.verify(t, 0) {
		if v.Listing != "users" {
			continue
		}
		if fmt.Sprint(differences(v)) != fmt.Sprint(want) {
			t.Errorf("users: %v, want %v", differences(v), want)
		}
	}
	for table, now := range b.versions(t) {
		if now != before[table] {
			t.Errorf("%s was written by verify", table)
		}
	}
}

func differences(v mirror.ListingVerification) map[string]string {
	out := map[string]string{}
	for _, d := range v.Differences {
		out[d.ID] = d.What
	}
	return out
}

func (b *bench) verify(t *testing.T, sample int) []mirror.ListingVerification {
	t.Helper()
	found, err := b.runner.Verify(t.Context(), b.job, sample)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	return found
}

// Schedules that broke the promise once.
func TestALaterReadingThatEqualsTheMirrorSupersedesAnEarlierOne(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 10, Organizations: 150, Seed: 15}), "organizations")
	wantProved(t, b.run(t))
	id := b.server.Tenant.Rows("organizations")[0]["id"].(string)
	name := b.server.Tenant.Rows("organizations")[0]["name"]
	rename := func(name any) {
		if err := b.server.Tenant.UpdateOrganization(id, logtotest.Row{"name": name}); err != nil {
			t.Errorf("rename: %v", err)
		}
	}
	// Read under its new name by the first walk, and by the old one again later.
	rename("Renamed for a moment")
	b.after(3, func() { rename(name) })
	b.run(t)
	b.wantEqual(t)
}

func TestAStoppedRunGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	tenant := logtotest.Options{Users: 3000, Seed: 13}
	control := setup(t, logtotest.Generate(tenant))
	control.runner.Log = silent()
	wantProved(t, control.run(t))

	b := setup(t, logtotest.Generate(tenant))
	b.runner.Log = silent()
	stop := make(chan struct{})
	b.runner.Stop = stop
	b.after(40, func() { close(stop) })
	s, err := b.runner.Run(t.Context(), b.job)
	if !errors.Is(err, extract.ErrStopped) || s.Status != state.Stopped || !s.Resumable {
		t.Fatalf("stopped run: %v, status %s, resumable %v", err, s.Status, s.Resumable)
	}
	b.runner.Stop = nil
	again := b.run(t)
	wantProved(t, again)
	b.wantEqual(t)
	if !again.Resumed || again.RunID != s.RunID {
		t.Errorf("run %d, resumed %v, want run %d resumed", again.RunID, again.Resumed, s.RunID)
	}
	// Both attempts together ask for no page oftener than one run that was not
	// stopped.
	often := counted(control.server.URIs())
	for uri, n := range counted(b.server.URIs()) {
		if n > often[uri] {
			t.Errorf("asked %d times, and %d times when not stopped: %s", n, often[uri], uri)
		}
	}
}

func counted(uris []string) map[string]int {
	times := map[string]int{}
	for _, uri := range uris {
		times[uri]++
	}
	return times
}

// after calls f once, when so many more requests have come.
func (b *bench) after(requests int, f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.due == nil {
		b.due = map[int][]func(){}
		start := b.server.Counters().Requests
		b.server.OnRequest(func(n int, _ *http.Request) {
			b.mu.Lock()
			var now []func()
			for at, fs := range b.due {
				if n-start >= at {
					now = append(now, fs...)
					delete(b.due, at)
				}
			}
			b.mu.Unlock()
			for _, f := range now {
				f()
			}
		})
	}
	b.due[requests] = append(b.due[requests], f)
}

// An organization that was made during the run and cannot be sent takes the proof
// from organizations after those below them were read. One that is gone stays in
// the mirror then, and its members with it: that they are all is not proved either.
func TestMembersAreNotProvedIfAnOrganizationThatIsGoneStays(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 20, Seed: 51}), "organization_users", "organization_invitations")
	b.runner.Client, b.runner.Log = retrying(t, b.server, b.server.URL, patient), silent()
	tenant := b.server.Tenant
	gone, err := tenant.CreateOrganization(logtotest.Row{"name": "Gone"})
	if err != nil {
		t.Fatal(err)
	}
	if err := tenant.AddMember(gone, userIDs(tenant)[0]); err != nil {
		t.Fatal(err)
	}
	wantProved(t, b.run(t))
	if err := tenant.DeleteOrganization(gone); err != nil {
		t.Fatal(err)
	}
	listed := make(chan struct{}) // all organizations are
	var members, invitations sync.Once
	b.server.OnRequest(func(_ int, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/api/organizations/") && strings.HasSuffix(r.URL.Path, "/users"):
			members.Do(func() { close(listed) })
		case r.URL.Path == "/api/organization-invitations":
			invitations.Do(func() {
				select {
				case <-listed:
				case <-time.After(10 * time.Second):
					t.Error("no members were asked for")
				}
				late, err := tenant.CreateOrganization(logtotest.Row{"name": "Late"})
				if err == nil {
					_, err = tenant.CreateInvitation(late, "somebody@example.com", logtotest.Row{})
				}
				if err != nil {
					t.Error(err)
				}
				b.server.Inject(logtotest.Fault{Kind: logtotest.Status, Status: 500, Path: "/api/organizations/" + late})
			})
		}
	})
	s := b.run(t)
	var stays bool
	const sql = "select exists (select from logto.organization_users where organization_id = $1)"
	if err := b.pool.QueryRow(t.Context(), sql, gone).Scan(&stays); err != nil {
		t.Fatal(err)
	}
	if c := certificate(s, "organizations"); c.Proof != "not proved" {
		t.Errorf("organizations are %s", c.Proof)
	}
	if c := certificate(s, "organization_users"); stays && c.Proof == "complete" {
		t.Errorf("organization_users is complete, with a member of an organization that was gone before the run began: %+v", c)
	}
}
