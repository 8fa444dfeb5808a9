package mirror_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/mirror/mirrortest"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

// schedules is set by make test and make soak; with the race detector, a
// schedule takes long.
var schedules = flag.Int("schedules", map[bool]int{false: 200, true: 12}[underRace], "how many random schedules of changes to hold against the promise")

// drifts is how many schedules are under way at once: most of their time they
// wait for the database.
const drifts = 4

// The promise, for random tenants, random changes woven between the requests
// of a run and between the statements of one request, and random faults:
//
//   - the first run holds every row that lived throughout it, and none that had
//     died before it began, in every listing it says is proved;
//   - when the tenant rests, one more run makes the mirror equal to it;
//   - history has each superseded version once, without overlaps or gaps;
//   - nothing points at what is not there.
//
// It cannot see two things. A column that a newer program adds needs a database of
// an older one: TestARowThatIsOnlyCountedIsReadAgainOnceItsTableHasAnotherColumn. A
// scope made during a run may come with the next one, so the promise does not ask
// for its re-read: TestAScopeMadeDuringTheRunIsReadWithItsResource.
func TestThePromiseHoldsWhateverHappensDuringARun(t *testing.T) {
	t.Parallel()
	pool := pgtest.NewPool(t, migrated)
	if err := flag.Set("rapid.checks", strconv.Itoa((*schedules+drifts-1)/drifts)); err != nil {
		t.Fatal(err)
	}
	var proved, notYet, claims, number atomic.Int64
	t.Run("schedules", func(t *testing.T) {
		for i := range drifts {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(rt *rapid.T) {
					for range i { // or with -rapid.seed all would draw the same schedules
						rapid.Uint64().Draw(rt, "of another group")
					}
					d := newDrift(rt, pool, number.Add(1))
					if err := d.schedule(rt.Context()); err != nil {
						rt.Fatal(err)
					}
					proved.Add(int64(d.proved))
					notYet.Add(int64(d.notYet))
					claims.Add(int64(d.claims))
				})
			})
		}
	})
	t.Logf("under drift %d listings were proved, %d were not; %d claims of runs of changes held", proved.Load(), notYet.Load(), claims.Load())
	if proved.Load() < notYet.Load() {
		t.Errorf("most listings were not proved: the test says little")
	}
}

// drift is one tenant that changes while it is read.
type drift struct {
	t      *rapid.T
	server *logtotest.Server
	proxy  *httptest.Server // in front of the server
	meddler
	runner *mirror.Runner
	job    mirror.Job
	pool   *pgxpool.Pool

	mu       sync.Mutex
	changes  *rand.Rand
	one      int // in so many requests something changes
	budget   int
	breakIn  int // requests, and statements, until the run is broken off
	breakOff func()
	log      []string
	version  string     // of Logto
	signedIn time.Time  // when somebody last signed in
	left     []relation // relations that have ended
	traded   *relation  // comes back once holders of its role are asked for by id

	seed  uint64
	decoy *logtotest.Server // of another tenant; nil until it is needed
	specs map[int64]string  // what the attempts at each run were to do

	past           map[string]map[string]bool // keys that were there before some earlier run
	proved, notYet int                        // listings of runs under drift

	onChange func() // after each change of a run of changes; nil: nothing
	claims   int    // listings that were followed up to now, and compared
}

// schedule runs one schedule and returns how it broke the promise.
func (d *drift) schedule(ctx context.Context) error {
	defer d.server.Close()
	defer func() {
		if d.decoy != nil {
			d.decoy.Close()
		}
	}()
	defer d.proxy.Close()
	defer d.runner.Client.Close()
	defer d.clear(context.WithoutCancel(ctx))
	// One to three runs under drift, the first on an empty mirror.
	for n := range 1 + d.draw("runs", 3) {
		if err := d.drifting(ctx); err != nil {
			return fmt.Errorf("run %d: %w\nchanges:\n%s", n+1, err, strings.Join(d.log, "\n"))
		}
		if d.draw("another tenant answers", 6) == 0 {
			if err := d.impostor(ctx); err != nil {
				return err
			}
		}
		for range d.draw("changes between runs", 20) {
			d.log = append(d.log, d.change())
		}
		if err := d.followed(ctx); err != nil {
			return err
		}
	}
	if err := d.resting(ctx); err != nil {
		return fmt.Errorf("at rest: %w\nchanges:\n%s", err, strings.Join(d.log, "\n"))
	}
	return nil
}

// draw draws from [0, n).
func (d *drift) draw(what string, n int) int { return rapid.IntRange(0, n-1).Draw(d.t, what) }

func newDrift(t *rapid.T, pool *pgxpool.Pool, number int64) *drift {
	d := &drift{t: t, pool: pool, past: map[string]map[string]bool{}, specs: map[int64]string{}}
	seed := rapid.Uint64().Draw(t, "seed")
	d.version, d.seed = driftVersions[d.draw("version", len(driftVersions))], seed
	tenant := logtotest.Generate(logtotest.Options{
		Version: d.version, // its webhook has the events of the version
		Users:   1 + d.draw("users", 120), Organizations: 1 + d.draw("organizations", 30), Seed: seed, Ties: d.draw("ties", 2) == 0,
	})
	d.server = logtotest.Start(tenant, logtotest.WithSeed(seed), logtotest.WithVersion(d.version))
	d.next = d.server
	d.proxy = httptest.NewServer(&d.meddler)
	client, err := logto.New(logto.Config{
		Endpoint: d.proxy.URL, Resource: d.server.Resource, AppID: d.server.AppID, AppSecret: d.server.AppSecret,
		InitialBackoff: time.Millisecond, RetryTimeout: 5 * time.Second, Concurrency: 1 + d.draw("concurrency", 6),
	})
	if err != nil {
		t.Fatal(err)
	}
	d.changes, d.one = rand.New(rand.NewPCG(seed, 2)), 1+d.draw("requests a change", 20)
	d.runner = &mirror.Runner{Pool: pool, Client: client, Log: silent(), PageSize: []int{5, 10, 20, 100}[d.draw("page size", 4)]}
	d.job = mirror.Job{
		Tenant: fmt.Sprintf("tenant-%d", number), Endpoint: d.proxy.URL, ResumeWithin: time.Hour, Listings: catalog.Select(nil),
	}
	if d.draw("logs", 2) == 0 {
		d.job.Listings = append(d.job.Listings, catalog.Find("logs"))
	}
	return d
}

// driftVersions are those a schedule draws from: the newest as often as all
// others together.
var driftVersions = []string{
	"1.16", "1.20", "1.25", "1.31", "1.36", "1.40", "1.42",
	logtotest.Newest, logtotest.Newest, logtotest.Newest, logtotest.Newest, logtotest.Newest, logtotest.Newest, logtotest.Newest,
}

// drifting runs the job while the tenant changes.
func (d *drift) drifting(ctx context.Context) error {
	d.log = []string{"(Logto " + d.version + ")"}
	d.changeRules()
	d.server.Tenant.AdvanceClock(2 * time.Minute) // what was logged so far has settled
	d.trade()
	before := d.truth()
	d.watch()
	end := d.meddle()
	remove := d.faults()
	s, err := d.attempts(ctx)
	d.server.OnRequest(nil)
	d.server.BetweenStatements(nil)
	remove()
	end()
	if err != nil {
		return err
	}
	return d.held(ctx, s, before, d.truth())
}

// watch lets the tenant change between requests and between their statements.
func (d *drift) watch() {
	d.budget = 30 + d.draw("changes", 100)
	change := func(_ int, r *http.Request) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.endTrade(r)
		if d.breakIn--; d.breakIn == 0 && d.breakOff != nil {
			d.breakOff()
		}
		if d.budget > 0 && d.changes.IntN(d.one) == 0 {
			d.budget--
			d.log = append(d.log, d.change())
			d.signIn()
			if d.onChange != nil {
				d.onChange()
			}
		}
	}
	d.server.OnRequest(change)
	d.server.BetweenStatements(change)
}

// signIn adds up to three log entries of one moment; often none.
func (d *drift) signIn() {
	at := d.server.Tenant.Now()
	if next := d.signedIn.Add(time.Millisecond); at.Before(next) {
		at = next // faster than any server: a page would be full of one moment
	}
	d.signedIn = at
	for range d.changes.IntN(4) {
		entry := logtotest.Row{"key": "Interaction.SignIn.Submit", "created_at": at, "payload": logtotest.Row{"result": "Success"}}
		if _, err := d.server.Tenant.Insert("logs", entry); err != nil {
			panic(err)
		}
	}
}

// faults injects what heals by itself.
func (d *drift) faults() (remove func()) {
	var undo []func()
	for _, f := range []logtotest.Fault{
		{Kind: logtotest.Status, Status: 503},
		{Kind: logtotest.Status, Status: 429},
		{Kind: logtotest.Status, Status: 502},
		{Kind: logtotest.Status, Status: 404},
		{Kind: logtotest.Missing, Path: "/api/roles/*/users"},
		{Kind: logtotest.Reset},
		{Kind: logtotest.Truncate},
		{Kind: logtotest.Garbage},
		{Kind: logtotest.HTML},
		{Kind: logtotest.Close},
		{Kind: logtotest.Short},
		{Kind: logtotest.Empty},
		{Kind: logtotest.NoTotal},
		{Kind: logtotest.WrongPage},
		{Kind: logtotest.Revoke},
		{Kind: logtotest.Capped, Cap: 10},
	} {
		if d.draw(fmt.Sprint("fault ", f.Kind, f.Status), 6) == 0 {
			if rules := d.rules.Load(); rules != nil && rules.headers && slices.Contains([]logtotest.FaultKind{logtotest.Empty, logtotest.Short, logtotest.WrongPage}, f.Kind) {
				continue // without Total-Number, nothing tells that rows are missing
			}
			f.Skip, f.Count = d.draw("after", 60), 1+d.draw("times", 2)
			if f.Kind == logtotest.Revoke {
				f.Count = 1 // a second in a row means that the credentials are bad
			}
			undo = append(undo, d.server.Inject(f))
		}
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}

// truth is the rows of every mirrored table by their keys.
func (d *drift) truth() map[string]map[string]bool {
	out := map[string]map[string]bool{}
	snapshot := mirrortest.NewSnapshot(d.server.Tenant)
	for _, l := range d.job.Listings {
		for _, table := range l.Tables() {
			keys, err := snapshot.ExpectedKeys(table)
			if err != nil {
				panic(err)
			}
			out[table.Name] = keys
		}
	}
	return out
}

// held checks what a run under drift has to hold.
func (d *drift) held(ctx context.Context, s mirror.Summary, before, after map[string]map[string]bool) error {
	if err := contradictions(s); err != nil {
		return err
	}
	if err := d.holdsNoDecoy(ctx); err != nil {
		return err
	}
	proved, unknown := map[string]bool{}, unknownListings(s)
	for _, c := range s.Listings {
		proved[c.Listing] = c.Proof == "complete"
		if unknown[c.Listing] && d.version >= catalog.Find(c.Listing).Since { // minors have two digits
			return fmt.Errorf("%s is unknown to a server that has it: %s", c.Listing, c.Reason)
		}
	}
	for _, l := range d.job.Listings {
		if unknown[l.Name] {
			continue
		}
		if !proved[l.Name] {
			d.notYet++
			continue
		}
		d.proved++
		for _, table := range l.Tables() {
			mirrored, err := mirrortest.MirroredKeys(ctx, d.pool, d.job.Tenant, table)
			if err != nil {
				return err
			}
			for key := range d.past[table.Name] {
				if !before[table.Name][key] && mirrored[key] && !d.touched(key, "add member", "grant a role", "assign role") {
					return fmt.Errorf("%s: %s died before the run began and is in the mirror", table.Name, key)
				}
			}
			for key := range before[table.Name] {
				if l.CountOnly && d.standIn(table.Name, key, before) {
					continue
				}
				if after[table.Name][key] && !mirrored[key] && !d.touched(key, "take role", "remove member") {
					return fmt.Errorf("%s: %s lived throughout the run and is not in the mirror", table.Name, key)
				}
			}
		}
	}
	for table, keys := range before {
		if d.past[table] == nil {
			d.past[table] = map[string]bool{}
		}
		maps.Copy(d.past[table], keys)
	}
	return d.sound(ctx)
}

// standIn reports what docs/exactness.md assumes not to happen: of the role that
// the key is about, one whom the mirror knows was away and came back, and after that
// another left it. The one counts for whom nobody knows, the other hides that the
// list has become longer.
func (d *drift) standIn(table, key string, before map[string]map[string]bool) bool {
	role, _, _ := strings.Cut(key, " ")
	away, cameBack := map[string]bool{}, false
	for _, change := range d.log {
		if user, ok := strings.CutPrefix(change, "assign role "+role+" to user "); ok {
			holder := role + " " + user
			cameBack = cameBack || away[user] || d.past[table][holder] && !before[table][holder]
		}
		for _, end := range []string{"take role " + role + " from user ", "delete user "} {
			if user, ok := strings.CutPrefix(change, end); ok {
				if cameBack && (before[table][role+" "+user] || away[user]) {
					return true
				}
				away[user] = true
			}
		}
	}
	return false
}

// touched reports whether a change of such a kind named the row: a relation
// can end and begin again within a run.
func (d *drift) touched(key string, kinds ...string) bool {
	ids := strings.Fields(key)
	for _, change := range d.log {
		named := 0
		for _, id := range ids {
			if strings.Contains(change, id) {
				named++
			}
		}
		if named >= 2 && slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(change, kind) }) {
			return true
		}
	}
	return false
}

// unknownListings are those the server is too old for.
func unknownListings(s mirror.Summary) map[string]bool {
	out := map[string]bool{}
	for _, c := range s.Listings {
		out[c.Listing] = c.Proof == "unknown to server"
	}
	return out
}

// resting runs the job on the tenant at rest and expects it mirrored exactly.
func (d *drift) resting(ctx context.Context) error {
	d.server.Tenant.AdvanceClock(2 * time.Minute)
	d.job.Privacy = load.Privacy{}
	before := d.truth()
	s, err := d.runner.Run(ctx, d.job)
	if err == nil {
		err = contradictions(s)
	}
	if err != nil {
		return err
	}
	if s.Status != state.Succeeded {
		for _, c := range s.Listings {
			if c.Proof != "complete" && c.Proof != "unknown to server" {
				return fmt.Errorf("%s is %s: %s", c.Listing, c.Proof, c.Reason)
			}
		}
	}
	var tables []string
	unknown := unknownListings(s)
	for _, l := range d.job.Listings {
		for _, table := range l.Tables() {
			if l.Name != "logs" && !unknown[l.Name] { // logs: by their keys, for what looks like a secret is blanked
				tables = append(tables, table.Name)
			}
		}
	}
	mirrored, err := mirrortest.MirroredKeys(ctx, d.pool, d.job.Tenant, catalog.Find("logs").Root)
	if err != nil {
		return err
	}
	for key := range before["logs"] {
		if !mirrored[key] {
			return fmt.Errorf("log entry %s is not in the mirror, which has %d of %d", key, len(mirrored), len(before["logs"]))
		}
	}
	diff, err := mirrortest.NewServerSnapshot(d.server).Diff(ctx, d.pool, d.job.Tenant, tables...)
	if err != nil {
		return err
	}
	if diff != "" {
		return fmt.Errorf("mirror (+) and tenant (-) differ:\n%s", diff)
	}
	if err := d.verified(ctx); err != nil {
		return err
	}
	return d.sound(ctx)
}

// sound checks history, and that no stage is left. Foreign keys keep
// references whole.
func (d *drift) sound(ctx context.Context) error {
	for _, l := range d.job.Listings {
		for _, table := range l.Tables() {
			var overlaps int
			err := d.pool.QueryRow(ctx, mirrortest.CountOverlapsQuery(table), d.job.Tenant).Scan(&overlaps)
			if err != nil {
				return err
			}
			if overlaps > 0 {
				return fmt.Errorf("%d versions in the history of %s overlap, or have no time", overlaps, table.Name)
			}
		}
	}
	var staged int
	err := d.pool.QueryRow(ctx, "select count(*) from syncer.checkpoints c join syncer.runs r using (run_id) where r.tenant_id = $1", d.job.Tenant).Scan(&staged)
	if err == nil && staged > 0 {
		err = fmt.Errorf("%d checkpoints are left of a run that is published", staged)
	}
	return err
}

// clear removes the tenant from the database the schedules share.
func (d *drift) clear(ctx context.Context) {
	batch := &pgx.Batch{}
	listings := catalog.All()
	slices.Reverse(listings)
	for _, l := range listings {
		for _, table := range slices.Backward(l.Tables()) {
			for _, schema := range []string{"logto", "logto_history"} {
				batch.Queue("delete from "+pgx.Identifier{schema, table.Name}.Sanitize()+" where tenant_id = $1", d.job.Tenant)
			}
		}
	}
	if err := d.pool.SendBatch(ctx, batch).Close(); err != nil {
		panic(err)
	}
}
