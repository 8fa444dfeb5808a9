package mirror_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/state"
)

// A run of changes is broken off 50 times, at a request, between the statements
// of one, or a moment after the last: while it stages or publishes. Either
// everything has moved, or nothing: where the positions are ahead, so is the
// mirror, and what a broken run has read the next one reads again.
func TestPositionsAreNeverAheadOfWhatWasPublished(t *testing.T) {
	t.Parallel()
	f := follow(t, logtotest.Newest)
	chance := rand.New(rand.NewPCG(1, 2))
	broken := 0
	for n := range 50 {
		for range 3 {
			f.changeSomethingTold(t, chance)
		}
		f.tenant.AdvanceClock(time.Minute)
		before := f.positions(t)
		if f.breakOff(t, chance) {
			broken++
		}
		moved := fmt.Sprint(f.positions(t)) != fmt.Sprint(before)
		if different := f.differ(t); moved && different != nil {
			t.Fatalf("round %d: the positions have moved, and %v differ", n, different)
		}
		if n%10 == 9 {
			f.changesButFor(t)
			if different := f.differ(t); different != nil {
				t.Fatalf("round %d: a run after %d broken ones leaves %v different", n, broken, different)
			}
		}
	}
	if broken < 25 {
		t.Errorf("%d of 50 runs were broken off: the test says little", broken)
	}
}

func (f *followed) positions(t *testing.T) map[string]state.FeedPosition {
	t.Helper()
	positions, err := state.FeedPositions(t.Context(), f.pool, f.job.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	return positions
}

// changeSomethingTold makes a change that an event tells of.
func (f *followed) changeSomethingTold(t *testing.T, chance *rand.Rand) {
	t.Helper()
	name := logtotest.Row{"name": fmt.Sprint("name ", chance.IntN(1e9))}
	var err error
	switch chance.IntN(6) {
	case 0:
		_, err = f.tenant.CreateUser(name)
	case 1:
		err = f.tenant.UpdateUser(f.user, name)
	case 2:
		err = f.tenant.UpdateOrganization(f.organization, name)
	case 3:
		users := f.tenant.Rows("users")
		err = f.tenant.ReplaceMembers(f.organization, fmt.Sprint(users[chance.IntN(len(users))]["id"]))
	case 4:
		err = f.tenant.UpdateRole(f.role, name)
	case 5:
		err = f.tenant.SignIn(f.other)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// breakOff makes a run of changes that is broken off, unless it is done before.
func (f *followed) breakOff(t *testing.T, chance *rand.Rand) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	left := 1 + chance.IntN(30)
	count := func(int, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if left--; left == 0 {
			cancel()
		}
	}
	f.server.OnRequest(count)
	f.server.BetweenStatements(count)
	defer f.server.OnRequest(nil)
	defer f.server.BetweenStatements(nil)
	if chance.IntN(2) == 0 { // at some statement of the database
		timer := time.AfterFunc(time.Duration(chance.IntN(150))*time.Millisecond, cancel)
		defer timer.Stop()
	}
	job := f.job
	job.Changes = true
	r := *f.runner
	r.Client = client(t, f.server)
	_, err := r.Run(ctx, job)
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	return err != nil
}
