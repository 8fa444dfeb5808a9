package mirror_test

import (
	"errors"
	"testing"
	"time"

	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// changes runs the job for changes alone.
func (b *bench) changes(t *testing.T) mirror.Summary {
	t.Helper()
	job := b.job
	job.Changes = true
	client := client(t, b.server)
	runner := *b.runner
	runner.Client = client
	s, err := runner.Run(t.Context(), job)
	if err != nil {
		t.Fatalf("run of changes: %v", err)
	}
	return s
}

// followedOf returns what the summary says of a listing.
func followedOf(s mirror.Summary, listing string) *state.FollowedListing {
	for _, f := range s.Followed {
		if f.Listing == listing {
			return &f
		}
	}
	return nil
}

func TestChangesAreNotFollowedBeforeTheFirstProof(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t))
	job := b.job
	job.Changes = true
	if s, err := b.runner.Run(t.Context(), job); !errors.Is(err, mirror.ErrNoProof) || s.Requests != 0 {
		t.Errorf("%v, after %d requests", err, s.Requests)
	}
}

func TestARunOfChangesFindsNewUsersAndNewRowsOfAListThatComesWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t))
	wantProved(t, b.run(t))
	tenant := b.server.Tenant
	if _, err := tenant.Insert("users", logtotest.Row{"username": "late"}); err != nil {
		t.Fatal(err)
	}
	if _, err := tenant.Insert("applications", logtotest.Row{"name": "late", "type": "SPA"}); err != nil {
		t.Fatal(err)
	}
	s := b.changes(t)
	if s.Status != state.Succeeded || len(s.Listings) != 0 {
		t.Errorf("status %s, %d certificates", s.Status, len(s.Listings))
	}
	for range 12 { // every list has had its turn
		s = b.changes(t)
	}
	b.wantEqual(t)
	if f := followedOf(s, "applications"); f == nil || f.Gap != "" {
		t.Errorf("applications are followed %+v", f)
	}
	if f := followedOf(s, "user_roles"); f != nil {
		t.Errorf("nobody tells of user_roles, and yet: %+v", f)
	}
}

func TestARunOfChangesYieldsToAnotherRunAndToOneThatWillBeResumed(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t))
	wantProved(t, b.run(t))
	lock, err := state.AcquireTenantLock(t.Context(), b.pool, b.job.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	s := b.changes(t)
	if s.Status != state.Yielded || s.YieldsTo == "" || s.Requests != 0 || s.RunID != 0 {
		t.Errorf("with the lock taken: %+v", s)
	}
	lock.Release()
	stop := make(chan struct{})
	close(stop)
	stopped := *b.runner
	stopped.Stop, stopped.Client = stop, client(t, b.server)
	if _, err := stopped.Run(t.Context(), b.job); err == nil {
		t.Fatal("the run was not stopped")
	}
	if s := b.changes(t); s.Status != state.Yielded || s.RunID != 0 {
		t.Errorf("beside a run that was stopped: %+v", s)
	}
	b.job.ResumeWithin = time.Nanosecond
	if s := b.changes(t); s.Status != state.Succeeded {
		t.Errorf("beside a run that is too old to be resumed: %+v", s)
	}
	b.job.ResumeWithin = time.Hour
	again := *b.runner
	again.Client = client(t, b.server)
	if s, err := again.Run(t.Context(), b.job); err != nil || s.Resumed {
		t.Errorf("a run was resumed after changes were published behind it: %v, %+v", err, s)
	}
}

func TestThePlanOfARunOfChangesIsWhatAQuietOneNeeds(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 300, Organizations: 20, Seed: 5}))
	job := b.job
	job.Changes = true
	if _, err := b.runner.Plan(t.Context(), job, logto.RateLimit{}); !errors.Is(err, mirror.ErrNoProof) {
		t.Errorf("before the first proof: %v", err)
	}
	wantProved(t, b.run(t))
	plan, err := b.runner.Plan(t.Context(), job, logto.RateLimit{Requests: 200, Per: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if s := b.changes(t); int64(plan.Requests)+1 != s.Requests || !plan.AtLeast { // and one for the token
		t.Errorf("%d requests planned, %d made", plan.Requests, s.Requests)
	}
}

func TestAQuietRunOfChangesMakesSixRequestsAndWritesNoRow(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 300, Organizations: 150, Seed: 5}))
	wantProved(t, b.run(t))
	for n := range 14 { // every list has had its turn
		s := b.changes(t)
		if s.Requests > 6 || s.Changed != nil {
			t.Errorf("quiet run %d: %d requests, %+v", n, s.Requests, s.Changed)
		}
	}
}

// Found by the property test: members who are deleted as users stay, as nobody
// reads users that no run has proved.
func TestMembersAreNotFollowedWhereUsersAreNotProved(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 30, Organizations: 5, Seed: 5}))
	nowhere, err := b.server.Tenant.DirectSQL().Insert("users", logtotest.Row{"name": "a member of nothing"})
	if err != nil {
		t.Fatal(err)
	}
	b.server.FailOnRow(nowhere)
	if s := b.run(t); s.Proved() {
		t.Fatal("users are proved with a row that cannot be sent")
	}
	b.server.Tenant.AdvanceClock(time.Minute)
	if f := followedOf(b.changes(t), "organization_users"); f == nil || f.Gap != "users has not been proved yet" {
		t.Errorf("members are followed %+v", f)
	}
}
