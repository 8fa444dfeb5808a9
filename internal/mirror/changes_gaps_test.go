package mirror_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/state"
)

// The parameter of the route is the invitation's id, and not the organization's.
func TestWhoAcceptsAnInvitationIsAMemberInTheMirror(t *testing.T) {
	t.Parallel()
	f := follow(t, logtotest.Newest)
	invitation, err := f.tenant.CreateInvitation(f.organization, "who@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.tenant.AcceptInvitation(invitation, f.user); err != nil {
		t.Fatal(err)
	}
	f.changesButFor(t)
	if different := f.differ(t); slices.Contains(different, "organization_users") {
		t.Errorf("%v differ", different)
	}
}

// An event is read once for a tenant, whatever listings the job has.
func TestAListingThatTheJobDoesNotReadHasAGapWhenItsChangesWereTold(t *testing.T) {
	t.Parallel()
	for name, followedBefore := range map[string]bool{"followed before": true, "never followed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := follow(t, logtotest.Newest)
			if !followedBefore {
				if _, err := f.pool.Exec(t.Context(), "delete from syncer.followed where listing = 'organizations'"); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.tenant.UpdateOrganization(f.organization, logtotest.Row{"name": "told to another"}); err != nil {
				t.Fatal(err)
			}
			all := f.job.Listings
			f.job.Listings = catalog.Select([]string{"users", "hooks"})
			f.changesButFor(t)
			f.job.Listings = all
			s := f.changesButFor(t)
			if o := followedOf(s, "organizations"); !slices.Contains(f.differ(t), "organizations") || o == nil || o.Gap == "" {
				t.Errorf("organizations are followed %+v, and %v differ", o, f.differ(t))
			}
			f.prove(t)
			if o := followedOf(f.changesButFor(t), "organizations"); o == nil || o.Gap != "" {
				t.Errorf("after a proof: organizations are followed %+v", o)
			}
		})
	}
}

// hookIDs returns the ids of the tenant's webhooks.
func (f *followed) hookIDs() []string { return f.tenant.IDs("hooks") }

// deleteHooks deletes the tenant's webhooks and returns what one that told
// everything was like.
func (f *followed) deleteHooks(t *testing.T) (told logtotest.Row) {
	t.Helper()
	for _, hook := range f.tenant.Rows("hooks") {
		if events, _ := hook["events"].([]any); told == nil || len(events) > len(told["events"].([]any)) {
			told = hook
		}
	}
	for _, id := range f.hookIDs() {
		if err := f.tenant.Delete("hooks", id); err != nil {
			t.Fatal(err)
		}
	}
	return told
}

func TestANewWebhookTellsNothingOfWhatTheProofHasNotProved(t *testing.T) {
	t.Parallel()
	f := follow(t, logtotest.Newest)
	hook := f.deleteHooks(t)
	f.insert(t, "hooks", logtotest.Row{"name": "new", "events": hook["events"], "config": hook["config"], "enabled": true})
	f.tenant.AdvanceClock(time.Hour)
	if err := f.tenant.AddMember(f.organization, f.other); err != nil {
		t.Fatal(err)
	}
	f.tenant.AdvanceClock(time.Minute)
	heal := f.server.Inject(logtotest.Fault{Kind: logtotest.Status, Status: http.StatusInternalServerError, Path: "/api/organizations/*/users"})
	r := *f.runner
	r.Client, r.Log = retrying(t, f.server, f.server.URL, impatient), silent()
	s, err := r.Run(t.Context(), f.job)
	if err != nil || s.Status != state.Unproved {
		t.Fatalf("%v: %s", err, s.Status)
	}
	heal()
	s = f.changesButFor(t)
	if o := followedOf(s, "organization_users"); o == nil || o.Gap == "" {
		t.Errorf("members are followed %+v, and %v differ", o, f.differ(t))
	}
	if u := followedOf(s, "users"); u == nil || u.Gap != "" {
		t.Errorf("users, which were proved, are followed %+v", u)
	}
}

func TestUsersHaveAGapFromWhenTheirWebhookGoesUntilTheyAreProved(t *testing.T) {
	t.Parallel()
	f := follow(t, logtotest.Newest)
	if err := f.tenant.UpdateUser(f.user, logtotest.Row{"name": "told to a webhook that is no more"}); err != nil {
		t.Fatal(err)
	}
	f.deleteHooks(t)
	s := f.changesButFor(t)
	if u := followedOf(s, "users"); u == nil || u.Gap == "" {
		t.Errorf("users are followed %+v", u)
	}
	f.prove(t)
	if u := followedOf(f.changesButFor(t), "users"); u == nil || u.Gap != "" {
		t.Errorf("after a proof: users are followed %+v", u)
	}
}

func TestAClockThatIsSetBackLeavesAGap(t *testing.T) {
	t.Parallel()
	f := follow(t, logtotest.Newest)
	f.tenant.AdvanceClock(-10 * time.Minute)
	if u := followedOf(f.changesButFor(t), "users"); u == nil || u.Gap == "" {
		t.Errorf("users are followed %+v", u)
	}
}

// Logto answers 500 for the organizations of a user where one of them cannot be sent.
func TestAListThatCannotBeSentLeavesAGapAndTheRestIsFollowed(t *testing.T) {
	t.Parallel()
	f := follow(t, logtotest.Newest)
	f.server.Inject(logtotest.Fault{Kind: logtotest.Status, Status: http.StatusInternalServerError, Path: "/api/users/*/organizations"})
	if err := f.tenant.AddMember(f.organization, f.other); err != nil {
		t.Fatal(err)
	}
	if err := f.tenant.UpdateUser(f.user, logtotest.Row{"name": "followed all the same"}); err != nil {
		t.Fatal(err)
	}
	f.runner.Log = silent()
	s := f.changesButFor(t)
	if o := followedOf(s, "organization_users"); o == nil || o.Gap == "" {
		t.Errorf("members are followed %+v", o)
	}
	if different := f.differ(t); slices.Contains(different, "users") {
		t.Errorf("%v differ", different)
	}
}

// What changes after a webhook was enabled is read later, or delivered.
func TestWebhooksAreReadBeforeAllElse(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t))
	var mu sync.Mutex
	var paths []string
	b.server.OnRequest(func(_ int, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		paths = append(paths, r.URL.Path)
	})
	wantProved(t, b.run(t))
	if i := slices.Index(paths, "/api/hooks"); slices.ContainsFunc(paths[:i], func(path string) bool { return path != "/oidc/token" }) {
		t.Errorf("before webhooks: %v", paths[:i])
	}
}
