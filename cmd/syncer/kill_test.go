package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/logtotest"
)

// A blow ends the program with SIGKILL: when the attempt has sent so many
// requests, or, where it names a table, when the program wants to write there
// after that.
type blow struct {
	after int
	table string
	mode  string // of a lock that stands in the program's way
}

// indexing is the mode of a lock that is in the way of making an index and of
// nothing else.
const indexing = "share update exclusive"

// stageTables stands for whichever table of the stage there is.
const stageTables = "syncer_stage"

// blows are where a run may die in the database, from its first statement to
// its last.
func blows() []blow {
	const write = "share" // conflicts with writing rows
	return []blow{
		{table: "syncer.runs", mode: write}, // the beginning
		{table: "syncer.checkpoints", mode: write},
		{table: "logto.users", mode: write}, // the publication, table by table
		{table: "logto.user_identities", mode: write},
		{table: "logto.organizations", mode: write},
		{table: "logto.user_roles", mode: write},
		{table: "logto.organization_users", mode: write},
		{table: "logto_history.users", mode: write},
		{table: "syncer.certificates", mode: write},
		{table: stageTables, mode: "access share"}, // its end: conflicts with dropping
		{table: "logto.users", mode: indexing},     // and what follows
	}
}

// drawBlow draws a moment; places in the database come in turn.
func (k *killing) drawBlow(r *rand.Rand) blow {
	if r.IntN(100) < 75 {
		return blow{after: 1 + r.IntN(25)}
	}
	k.place++
	b := blows()[k.place%len(blows())]
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
			s := newStandOf(t, logtotest.Options{Users: 400, Seed: 3, Ties: true})
			k := &killing{stand: s, changing: tc.changing, place: tc.place, old: map[string]bool{}}
			draws := rand.New(rand.NewPCG(uint64(len(name)), 1))
			for life := 0; k.kills < 25; life++ {
				if life == 0 || !tc.refresh {
					k.renew(t)
					k.migrate(t)
				}
				if tc.refresh {
					k.finish(t, false)
					k.night(t, life)
				}
				k.ids = usualIDs(k.server)
				published := false
				for k.kills < 25 && !published {
					published = k.strike(t, k.drawBlow(draws))
				}
				k.finish(t, published)
			}
		})
	}
}

// killing is a stand on which runs are killed.
type killing struct {
	*stand
	changing bool     // the tenant changes while it is read
	ids      []string // of users who are there all the time
	kills    int
	place    int // of blows, the last that was drawn
	made     int

	mu    sync.Mutex
	old   map[string]bool // tokens of programs that are dead
	fresh map[string]bool // and of the one that runs
	asked []string        // its requests
}

func (k *killing) migrate(t *testing.T) {
	t.Helper()
	if code, _, stderr := inProcess(t, k.env, "migrate", "-c", k.dir+"/jobs.yaml"); code != exitDone {
		t.Fatalf("migrate: exit %d: %s", code, stderr)
	}
}

// night changes the tenant between two runs.
func (k *killing) night(t *testing.T, n int) {
	t.Helper()
	users := idsOf(k.server.Tenant, "users")
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

// watch notes what the program asks and calls at with the count of each
// request. What a dead program had sent may still arrive; it does not count.
func (k *killing) watch(at func(n int)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for token := range k.fresh {
		k.old[token] = true
	}
	k.fresh, k.asked = map[string]bool{}, nil
	k.server.OnRequest(func(_ int, r *http.Request) {
		token := r.Header.Get("Authorization")
		k.mu.Lock()
		if k.old[token] {
			k.mu.Unlock()
			return
		}
		k.fresh[token] = true
		k.asked = append(k.asked, r.URL.RequestURI())
		n := len(k.asked)
		k.mu.Unlock()
		if k.changing {
			k.move(r)
		}
		at(n)
	})
}

// move makes users with a role while the holders of roles are read: those who
// were made behind the back of the walk of the users have to be fetched before
// publishing.
func (k *killing) move(r *http.Request) {
	role, ok := strings.CutPrefix(r.URL.Path, "/api/roles/")
	role, isUsers := strings.CutSuffix(role, "/users")
	if !ok || !isUsers {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.made++; k.made%5 != 1 {
		return
	}
	if id, err := k.server.Tenant.CreateUser(logtotest.Row{"name": "Newcomer"}); err == nil {
		_ = k.server.Tenant.AssignRole(id, role) // of a type that takes no users: none is assigned
	}
}

// strike runs the program until the blow falls. The program may end by itself
// before, which is well, too. It reports whether the run is published, and
// nothing left to do.
func (k *killing) strike(t *testing.T, b blow) (published bool) {
	t.Helper()
	before, marks := k.published(t), k.marks(t)
	reached, proceed := make(chan struct{}), make(chan struct{})
	var first sync.Once
	k.watch(func(n int) {
		if n != b.after {
			return
		}
		first.Do(func() { close(reached) })
		<-proceed
	})
	var obstacle pgx.Tx
	if b.after == 0 {
		obstacle = k.obstruct(t, b)
	}
	p := k.start(t, "run", "-q")
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
				obstacle = k.obstruct(t, b)
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
	k.settle(t)
	if !over {
		k.kills++
	}
	k.wantNotRedone(t, b, marks)
	published = k.isPublished(t)
	if diff := cmp.Diff(before, k.published(t)); !published && diff != "" {
		t.Errorf("%+v: not published, and yet the mirror has changed:\n%s", b, diff)
	}
	return published && b.mode != indexing
}

// obstruct takes the lock the blow waits for.
func (k *killing) obstruct(t *testing.T, b blow) pgx.Tx {
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
func (k *killing) awaitBlocked(t *testing.T, obstacle pgx.Tx, ended <-chan int) (code int, over bool) {
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

// settle waits until the database has noticed that the program is gone.
func (k *killing) settle(t *testing.T) {
	t.Helper()
	k.awaitUnlocked(t)
	for n := 1; n > 0; {
		err := k.pool.QueryRow(t.Context(), "select count(*) from pg_stat_activity where datname = current_database() and application_name = 'logto-syncer'").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (k *killing) isPublished(t *testing.T) (yes bool) {
	t.Helper()
	if err := k.pool.QueryRow(t.Context(), "select count(published_at) > 0 from (select published_at from syncer.runs order by run_id desc limit 1) r").Scan(&yes); err != nil {
		t.Fatal(err)
	}
	return yes
}

// wantNotRedone fails if the program has asked again for what is done. Of a
// tenant that changes it may: a list that has changed is read again.
func (k *killing) wantNotRedone(t *testing.T, b blow, marks []mark) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	again, err := redone(marks, k.asked, k.ids)
	if err != nil {
		t.Fatal(err)
	}
	if !k.changing && len(again) > 0 {
		t.Errorf("%+v: after %d marks the run asked again for %d parts, such as %s", b, len(marks), len(again), again[0])
	}
}

// finish ends the life of a run, unless it is published: then it equals the
// tenant, if that has not changed since, and nothing is left of those killed.
func (k *killing) finish(t *testing.T, published bool) {
	t.Helper()
	for n := 0; !published || k.changing && n < 2; n++ {
		marks := k.marks(t)
		k.watch(func(int) {})
		if n == 1 {
			k.server.OnRequest(nil) // at rest
		}
		p := k.start(t, "run", "-q")
		if code := p.wait(t); code != exitDone {
			t.Fatalf("exit %d: %s", code, p.errs.String())
		}
		k.settle(t)
		k.wantNotRedone(t, blow{}, marks)
		published = true
	}
	k.wantEqual(t)
	for what, query := range map[string]string{
		"locks":           "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())",
		"tables of stage": "select count(*) from pg_tables where schemaname = 'syncer_stage'",
		"marks":           "select count(*) from syncer.checkpoints",
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

// usualIDs are the ids of users made of the characters Logto makes them of.
func usualIDs(s *logtotest.Server) []string {
	form := regexp.MustCompile(`^[0-9a-z]{12}$`)
	return slices.DeleteFunc(idsOf(s.Tenant, "users"), func(id string) bool { return !form.MatchString(id) })
}
