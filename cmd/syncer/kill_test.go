package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/postgres/pgtest"
)

// A killPoint ends the program with SIGKILL: when the attempt has sent so many
// requests, or, where it names a table, when the program wants to write there
// after that.
type killPoint struct {
	after int
	table string
	mode  string // of a lock that stands in the program's way
}

// indexLockMode is the mode of a lock that is in the way of making an index and of
// nothing else.
const indexLockMode = "share update exclusive"

// stageTables stands for whichever table of the stage there is.
const stageTables = "syncer_stage"

// killPoints are where a run may die in the database, from its first statement to
// its last.
func killPoints() []killPoint {
	const write = "share" // conflicts with writing rows
	return []killPoint{
		{table: "syncer.runs", mode: write}, // the beginning
		{table: "syncer.checkpoints", mode: write},
		{table: "logto.users", mode: write}, // the publication, table by table
		{table: "logto.user_identities", mode: write},
		{table: "logto.organizations", mode: write},
		{table: "logto.user_roles", mode: write},
		{table: "logto.organization_users", mode: write},
		{table: "logto_history.users", mode: write},
		{table: "syncer.certificates", mode: write},
		{table: stageTables, mode: "access share"},  // its end: conflicts with dropping
		{table: "logto.users", mode: indexLockMode}, // and what follows
	}
}

// drawKillPoint draws a moment; places in the database come in turn.
func (k *killTest) drawKillPoint(r *rand.Rand) killPoint {
	if r.IntN(100) < 75 {
		return killPoint{after: 1 + r.IntN(25)}
	}
	k.nextPoint++
	b := killPoints()[k.nextPoint%len(killPoints())]
	b.after = r.IntN(2) * (1 + r.IntN(30)) // half of them from the start
	return b
}

// 100 times, in four lives: killed, the program leaves the mirror as it was or
// as it is to be, and its next run resumes without requesting again what is
// done.
func TestAKilledRunIsResumed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		refresh, changing bool
		place             int // where the turn of places in the database begins
	}{
		"the first run":                                 {},
		"the first run of a tenant that changes":        {changing: true, place: 3},
		"a run that refreshes":                          {refresh: true, place: 6},
		"a run that refreshes from a tenant that moves": {refresh: true, changing: true, place: 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newFixtureOf(t, logtotest.Options{Users: 400, Seed: 3, Ties: true})
			k := &killTest{fixture: s, changing: tc.changing, nextPoint: tc.place, deadTokens: map[string]bool{}}
			draws := rand.New(rand.NewPCG(uint64(len(name)), 1))
			for life := 0; k.kills < 25; life++ {
				if life == 0 || !tc.refresh {
					k.renewDatabase(t)
					k.migrate(t)
				}
				if tc.refresh {
					k.finish(t, false)
					k.changeTenant(t, life)
				}
				k.ids = usualIDs(k.server)
				published := false
				for k.kills < 25 && !published {
					published = k.runUntilKilled(t, k.drawKillPoint(draws))
				}
				k.finish(t, published)
			}
		})
	}
}

// killTest is a fixture on which runs are killed.
type killTest struct {
	*fixture
	job       string   // of which runs are killed; empty: nightly
	changing  bool     // the tenant changes while it is read
	ids       []string // of users who are there all the time
	kills     int
	nextPoint int // of blows, the last that was drawn
	holders   int

	mu         sync.Mutex
	deadTokens map[string]bool // tokens of programs that are dead
	liveTokens map[string]bool // and of the one that runs
	requests   []string        // its requests
}

func (k *killTest) migrate(t *testing.T) {
	t.Helper()
	args := []string{"migrate", "-c", k.dir + "/jobs.yaml"}
	if pgtest.OnCitus() {
		args = append(args, "--distribute")
	}
	if code, _, stderr := inProcess(t, k.env, args...); code != exitDone {
		t.Fatalf("migrate: exit %d: %s", code, stderr)
	}
}

// changeTenant changes the tenant between two runs.
func (k *killTest) changeTenant(t *testing.T, n int) {
	t.Helper()
	users := simulatedRowIDs(k.server.Tenant, "users")
	slices.Sort(users)
	for _, id := range users[:30] {
		if err := k.server.Tenant.UpdateUser(id, logtotest.Row{"name": fmt.Sprintf("Changed %d", n)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.server.Tenant.DeleteUsers(users[40:45]...); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		must[string](t, "make a user")(k.server.Tenant.CreateUser(logtotest.Row{"name": "New"}))
	}
}

// recordRequests notes what the program asks and calls at with the count of each
// request. What a dead program had sent may still arrive; it does not count.
func (k *killTest) recordRequests(at func(n int)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for token := range k.liveTokens {
		k.deadTokens[token] = true
	}
	k.liveTokens, k.requests = map[string]bool{}, nil
	k.server.OnRequest(func(_ int, r *http.Request) {
		token := r.Header.Get("Authorization")
		k.mu.Lock()
		if k.deadTokens[token] {
			k.mu.Unlock()
			return
		}
		k.liveTokens[token] = true
		k.requests = append(k.requests, r.URL.RequestURI())
		n := len(k.requests)
		k.mu.Unlock()
		if k.changing {
			k.createHolders(r)
		}
		at(n)
	})
}

// createHolders makes users with a role while the holders of roles are read: those who
// were made behind the back of the walk of the users have to be fetched before
// publishing.
func (k *killTest) createHolders(r *http.Request) {
	role, ok := strings.CutPrefix(r.URL.Path, "/api/roles/")
	role, isUsers := strings.CutSuffix(role, "/users")
	if !ok || !isUsers {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.holders++; k.holders%5 != 1 {
		return
	}
	if id, err := k.server.Tenant.CreateUser(logtotest.Row{"name": "Newcomer"}); err == nil {
		_ = k.server.Tenant.AssignRole(id, role) // of a type that takes no users: none is assigned
	}
}

// runUntilKilled runs the program until the point where it is killed. The program may end by itself
// before, which is well, too. It reports whether the run is published, and
// nothing left to do.
func (k *killTest) runUntilKilled(t *testing.T, b killPoint) (published bool) {
	t.Helper()
	before, done := k.published(t), k.checkpoints(t)
	reached, proceed := make(chan struct{}), make(chan struct{})
	var first sync.Once
	k.recordRequests(func(n int) {
		if n != b.after {
			return
		}
		first.Do(func() { close(reached) })
		<-proceed
	})
	var obstacle pgx.Tx
	if b.after == 0 {
		obstacle = k.lockTable(t, b)
	}
	p := k.start(t, "run", "-q", cmp.Or(k.job, "nightly"))
	ended := make(chan int, 1)
	go func() {
		code, err := p.end()
		if err != nil {
			code = exitFailed
		}
		ended <- code
	}()
	code, over := 0, false
	if b.after > 0 {
		select {
		case <-reached:
			if b.table != "" {
				obstacle = k.lockTable(t, b)
				close(proceed)
			}
		case code = <-ended:
			over = true
		}
	}
	if !over && b.table != "" {
		code, over = k.awaitBlocked(t, obstacle, ended)
	}
	if !over {
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		code = <-ended
	}
	if b.table == "" && !over {
		close(proceed)
	}
	if obstacle != nil {
		if err := obstacle.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if over && code != exitDone {
		t.Fatalf("%+v: want it killed or done, have exit %d: %s", b, code, p.errs.String())
	}
	k.awaitSessionsEnded(t)
	if !over {
		k.kills++
	}
	k.wantNotRepeated(t, b, done)
	published = k.isPublished(t)
	if diff := gocmp.Diff(before, k.published(t)); !published && diff != "" {
		t.Errorf("%+v: not published, and yet the mirror has changed:\n%s", b, diff)
	}
	return published && b.mode != indexLockMode
}

// lockTable takes the lock on the table of the point.
func (k *killTest) lockTable(t *testing.T, b killPoint) pgx.Tx {
	t.Helper()
	tx := must[pgx.Tx](t, "begin")(k.pool.Begin(t.Context()))
	table := b.table
	if table == stageTables {
		err := tx.QueryRow(t.Context(), "select coalesce(max(format('%I.%I', schemaname, tablename)), '') from pg_tables where schemaname = 'syncer_stage'").Scan(&table)
		if err != nil {
			t.Fatal(err)
		}
	}
	if table == "" {
		return tx // nothing is staged yet: nothing stands in the way
	}
	if _, err := tx.Exec(t.Context(), "lock table "+table+" in "+b.mode+" mode"); err != nil {
		t.Fatal(err)
	}
	return tx
}

// awaitBlocked waits until the program waits for the obstacle, or has ended.
func (k *killTest) awaitBlocked(t *testing.T, obstacle pgx.Tx, ended <-chan int) (code int, over bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond) // the database tells nobody who waits for whom
	defer tick.Stop()
	for blocked := false; !blocked; {
		select {
		case code := <-ended:
			return code, true
		case <-tick.C:
		}
		// Not within the obstacle's transaction, where the activity would stand still.
		err := k.pool.QueryRow(t.Context(), "select exists (select from pg_stat_activity where $1 = any(pg_blocking_pids(pid)))", obstacle.Conn().PgConn().PID()).Scan(&blocked)
		if err != nil {
			t.Fatal(err)
		}
	}
	return 0, false
}

// awaitSessionsEnded waits until the database has noticed that the program is gone.
func (k *killTest) awaitSessionsEnded(t *testing.T) {
	t.Helper()
	k.awaitUnlocked(t)
	for n := 1; n > 0; {
		err := k.pool.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'logto-syncer'").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (k *killTest) isPublished(t *testing.T) (yes bool) {
	t.Helper()
	if err := k.pool.QueryRow(t.Context(), "select count(published_at) > 0 from (select published_at from syncer.runs order by run_id desc limit 1) r").Scan(&yes); err != nil {
		t.Fatal(err)
	}
	return yes
}

// wantNotRepeated fails if the program has asked again for what is done. Of a
// tenant that changes it may: a list that has changed is read again. A run of
// changes begins again from its positions.
func (k *killTest) wantNotRepeated(t *testing.T, b killPoint, done []checkpoint) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	again, err := repeatedRequests(done, k.requests, k.ids)
	if err != nil {
		t.Fatal(err)
	}
	if k.job == "" && !k.changing && len(again) > 0 {
		t.Errorf("%+v: after %d checkpoints the run requested %d chunks again, such as %s", b, len(done), len(again), again[0])
	}
}

// finish ends the life of a run, unless it is published: then it equals the
// tenant, if that has not changed since, and nothing is left of those killed.
func (k *killTest) finish(t *testing.T, published bool) {
	t.Helper()
	for n := 0; !published || k.changing && n < 2; n++ {
		done := k.checkpoints(t)
		k.recordRequests(func(int) {})
		if n == 1 {
			k.server.OnRequest(nil) // at rest
		}
		p := k.start(t, "run", "-q", "nightly")
		if code := p.wait(t); code != exitDone {
			t.Fatalf("exit %d: %s", code, p.errs.String())
		}
		k.awaitSessionsEnded(t)
		k.wantNotRepeated(t, killPoint{}, done)
		published = true
	}
	k.wantEqual(t)
	for what, query := range map[string]string{
		"locks":           "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
		"tables of stage": leftOfStage,
		"checkpoints":     "select count(*) from syncer.checkpoints",
		"broken indexes":  "select count(*) from pg_index where not indisvalid",
		"unfinished runs": "select count(*) from syncer.runs where status not in ('succeeded', 'abandoned')",
	} {
		var n int
		if err := k.pool.QueryRow(t.Context(), query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			t.Errorf("%d %s are left", n, what)
		}
	}
}

// leftOfStage counts the stage tables of runs and, of the stage tables that stay where
// the mirror is distributed, the rows.
const leftOfStage = `select coalesce(sum(case when tablename like 'run\_%' then 1
	else (xpath('/row/n/text()', query_to_xml(format('select count(*) as n from %I.%I', schemaname, tablename), false, true, '')))[1]::text::integer end), 0)
from pg_tables where schemaname = 'syncer_stage'`

// usualIDs are the ids of users made of the characters Logto makes them of.
func usualIDs(s *logtotest.Server) []string {
	form := regexp.MustCompile(`^[0-9a-z]{12}$`)
	return slices.DeleteFunc(simulatedRowIDs(s.Tenant, "users"), func(id string) bool { return !form.MatchString(id) })
}
