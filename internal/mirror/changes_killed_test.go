package mirror_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/state"
)

// A run of changes is broken off 50 times, at a request or at a statement to the
// database: while it reads, stages or publishes. Either
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

// breakOff makes a run of changes that is broken off at a random request or
// statement to the database, unless it is done before.
func (f *followed) breakOff(t *testing.T, chance *rand.Rand) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b := &breaker{cancel: cancel, left: 1 + chance.IntN(f.steps(t))}
	f.server.OnRequest(func(int, *http.Request) { b.step() })
	defer f.server.OnRequest(nil)
	err := f.runBeside(ctx, t, b)
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	return err != nil
}

// steps counts the requests and statements of a run of changes that is broken
// off at none.
func (f *followed) steps(t *testing.T) int {
	t.Helper()
	if f.stepsOfARun == 0 {
		b := &breaker{cancel: func() {}}
		f.server.OnRequest(func(int, *http.Request) { b.step() })
		defer f.server.OnRequest(nil)
		if err := f.runBeside(t.Context(), t, b); err != nil {
			t.Fatal(err)
		}
		f.stepsOfARun = -b.left
	}
	return f.stepsOfARun
}

// runBeside runs the job for changes on connections whose statements the breaker
// counts.
func (f *followed) runBeside(ctx context.Context, t *testing.T, b *breaker) error {
	t.Helper()
	cfg := f.pool.Config()
	cfg.ConnConfig.Tracer = b
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	job := f.job
	job.Changes = true
	r := *f.runner
	r.Client, r.Pool = client(t, f.server), pool
	_, err = r.Run(ctx, job)
	return err
}

// A breaker cancels at the step that leaves none.
type breaker struct {
	cancel func()
	mu     sync.Mutex
	left   int
}

func (b *breaker) step() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.left--; b.left == 0 {
		b.cancel()
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (b *breaker) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	b.step()
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (b *breaker) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
