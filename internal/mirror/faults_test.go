package mirror_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/state"
)

// How long a client tries for one answer: where a run is to give up, and where
// it is to get through however slow the machine is.
const (
	impatient = 300 * time.Millisecond
	patient   = 5 * time.Minute
)

// retrying is a client that tries again at once, for so long.
func retrying(t *testing.T, server *logtotest.Server, endpoint string, patience time.Duration) *logto.Client {
	t.Helper()
	c, err := logto.New(logto.Config{
		Endpoint: endpoint, Resource: server.Resource, AppID: server.AppID, AppSecret: server.AppSecret,
		InitialBackoff: time.Millisecond, RetryTimeout: patience,
	})
	if err != nil {
		t.Fatalf("make a client: %v", err)
	}
	t.Cleanup(c.Close)
	return c
}

// faulty is a mirror that has been read once, and a tenant that has changed
// since: a run has something to do, and something to lose.
func faulty(t *testing.T) *bench {
	t.Helper()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 400, Seed: 5, Ties: true}))
	b.runner.Client = retrying(t, b.server, b.server.URL, patient)
	b.runner.Log = silent()
	wantProved(t, b.run(t))
	ids := userIDs(b.server.Tenant)
	for _, id := range ids[:20] {
		if err := b.server.Tenant.DeleteUser(id); err != nil {
			t.Fatal(err)
		}
	}
	for range 30 {
		if _, err := b.server.Tenant.CreateUser(logtotest.Row{"name": "New"}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestFaultsThatHealByThemselves(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]logtotest.Fault{
		"connections are reset":              {{Kind: logtotest.Reset, Probability: 0.2, Count: 30}},
		"bodies are cut short":               {{Kind: logtotest.Truncate, Probability: 0.2, Count: 30}},
		"a storm of 429":                     {{Kind: logtotest.Status, Status: 429, Count: 15}},
		"503 for a while":                    {{Kind: logtotest.Status, Status: 503, Count: 15}},
		"a proxy answers HTML with 200":      {{Kind: logtotest.HTML, Probability: 0.2, Count: 20}},
		"pages of garbage":                   {{Kind: logtotest.Garbage, Probability: 0.2, Count: 20}},
		"the token is revoked once":          {{Kind: logtotest.Revoke, Skip: 20, Count: 1}},
		"a page comes empty":                 {{Kind: logtotest.Empty, Probability: 0.1, Count: 4}},
		"a row is missing from a page":       {{Kind: logtotest.Short, Probability: 0.1, Count: 4}},
		"a page comes twice":                 {{Kind: logtotest.WrongPage, Probability: 0.1, Count: 4}},
		"idle connections are closed":        {{Kind: logtotest.Close}},
		"a total is missing now and then":    {{Kind: logtotest.NoTotal, Probability: 0.1, Count: 4}},
		"a total is capped now and then":     {{Kind: logtotest.Capped, Cap: 7, Probability: 0.1, Count: 3}},
		"everything goes wrong a little bit": {{Kind: logtotest.Reset, Probability: 0.05}, {Kind: logtotest.Garbage, Probability: 0.05}, {Kind: logtotest.Status, Status: 502, Probability: 0.05}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := faulty(t)
			for _, f := range faults {
				b.server.Inject(f)
			}
			wantProved(t, b.run(t))
			b.wantEqual(t)
		})
	}
}

func TestFaultsThatEndTheRunSayWhatToDoAndLoseNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault logtotest.Fault
		says  []string
	}{
		"503 for an hour":                {logtotest.Fault{Kind: logtotest.Status, Status: 503, Skip: 12}, []string{"503", "gave up after"}},
		"a server that asks for an hour": {logtotest.Fault{Kind: logtotest.Status, Status: 503, RetryAfter: time.Hour, Skip: 12}, []string{"asks to wait another 1h"}},
		"HTML instead of answers":        {logtotest.Fault{Kind: logtotest.HTML, Skip: 12}, []string{"text/html"}},
		"garbage instead of pages":       {logtotest.Fault{Kind: logtotest.Garbage, Skip: 12}, []string{"JSON"}},
		"the token stays revoked":        {logtotest.Fault{Kind: logtotest.Revoke, Skip: 12}, []string{"401", "secret or role revoked"}},
		"every body is cut short":        {logtotest.Fault{Kind: logtotest.Truncate, Skip: 12}, []string{"gave up after"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := faulty(t)
			b.runner.Client = retrying(t, b.server, b.server.URL, impatient)
			before := b.versions(t)
			heal := b.server.Inject(tc.fault)
			s, err := b.runner.Run(t.Context(), b.job)
			if err == nil {
				t.Fatalf("the run succeeded: %+v", s)
			}
			for _, words := range tc.says {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("the error does not say %q: %v", words, err)
				}
			}
			if s.Status != state.Failed || !s.Resumable {
				t.Errorf("status %s, resumable %v, want a failed run that can be resumed", s.Status, s.Resumable)
			}
			for table, now := range b.versions(t) {
				if now != before[table] {
					t.Errorf("%s was written by a run that failed", table)
				}
			}
			heal()
			b.runner.Client = retrying(t, b.server, b.server.URL, patient)
			again := b.run(t)
			wantProved(t, again)
			if !again.Resumed || again.RunID != s.RunID {
				t.Errorf("run %d was begun, want run %d resumed", again.RunID, s.RunID)
			}
			b.wantEqual(t)
		})
	}
}

func TestAHostThatDoesNotExistIsNamed(t *testing.T) {
	t.Parallel()
	b := faulty(t)
	b.runner.Client = retrying(t, b.server, "https://nobody.invalid", impatient)
	_, err := b.runner.Run(t.Context(), b.job)
	if err == nil || !strings.Contains(err.Error(), "nobody.invalid") {
		t.Errorf("want an error that names the host, have %v", err)
	}
}

func TestARowTheServerCannotSendIsReportedAndTheRestKept(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"for the first time": false, "known from before": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 700, Seed: 6}), "users")
			b.runner.Client, b.runner.Log = retrying(t, b.server, b.server.URL, impatient), silent()
			if known {
				wantProved(t, b.run(t))
			}
			poison := userIDs(b.server.Tenant)[333]
			b.server.FailOnRow(poison)
			s := b.run(t)
			c := s.Listings[0]
			if s.Status != state.Unproved || c.Proof != "not proved" || len(c.Notes) == 0 {
				t.Errorf("status %s, proof %s, notes %v: want not proved, and the row noted", s.Status, c.Proof, c.Notes)
			}
			want := 699
			if known {
				want = 700 // as it was when it could still be read
			}
			var rows int
			if err := b.pool.QueryRow(t.Context(), "select count(*) from logto.users").Scan(&rows); err != nil {
				t.Fatal(err)
			}
			if rows != want {
				t.Errorf("%d users in the mirror, want %d", rows, want)
			}
			b.server.RepairRow(poison)
			wantProved(t, b.run(t))
			b.wantEqual(t)
		})
	}
}

// Whoever cannot be sent is among the newest: the others are read all the same.
func TestANewUserThatTheServerCannotSendKeepsNobodyElseAway(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 250, Seed: 6}), "users")
	b.runner.Client, b.runner.Log = retrying(t, b.server, b.server.URL, impatient), silent()
	wantProved(t, b.run(t))
	tenant := b.server.Tenant
	old := userIDs(tenant)[7]
	poison, err := tenant.CreateUser(logtotest.Row{"name": "cannot be sent"})
	if err := errors.Join(err, tenant.UpdateUser(old, logtotest.Row{"name": "changed meanwhile"})); err != nil {
		t.Fatal(err)
	}
	other, err := tenant.CreateUser(logtotest.Row{"name": "new as well"})
	if err != nil {
		t.Fatal(err)
	}
	b.server.FailOnRow(poison)
	if c := certificate(b.run(t), "users"); c.Proof != "not proved" || len(c.Notes) == 0 {
		t.Errorf("users is %s, %v", c.Proof, c.Notes)
	}
	for id, name := range map[string]string{old: "changed meanwhile", other: "new as well"} {
		var mirrored string
		if err := b.pool.QueryRow(t.Context(), "select name from logto.users where id = $1", id).Scan(&mirrored); err != nil || mirrored != name {
			t.Errorf("%s is %q in the mirror, want %q: %v", id, mirrored, name, err)
		}
	}
	b.server.RepairRow(poison)
	wantProved(t, b.run(t))
	b.wantEqual(t)
}

// interrupted runs the job, and calls f in the middle of it: after so many
// requests, while one waits for its answer.
func (b *bench) interrupted(t *testing.T, after int, f func()) (s mirror.Summary, err error) {
	t.Helper()
	reached, done := make(chan struct{}), make(chan struct{})
	var once sync.Once
	start := b.server.Counters().Requests
	b.server.OnRequest(func(n int, _ *http.Request) {
		if n > start+after {
			once.Do(func() {
				close(reached)
				<-done
			})
		}
	})
	defer b.server.OnRequest(nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s, err = b.runner.Run(t.Context(), b.job)
	}()
	select {
	case <-reached:
		f()
	case <-ended:
		t.Fatalf("the run ended before it came to %d requests: %v", after, err)
	}
	close(done)
	<-ended
	return s, err
}

// use mirrors into a database on another server, from nothing.
func (b *bench) use(t *testing.T, db *pgtest.Instance) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), db.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := migrated(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	b.runner.Pool, b.pool = pool, pool
}

func TestDatabaseFaultsHealByThemselves(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*testing.T, *pgtest.Instance, *pgxpool.Pool){
		"the database is restarted": func(_ *testing.T, db *pgtest.Instance, _ *pgxpool.Pool) { db.Restart() },
		"the database crashes": func(_ *testing.T, db *pgtest.Instance, _ *pgxpool.Pool) {
			db.Kill()
			db.Start()
		},
		"all connections are cut": func(t *testing.T, _ *pgtest.Instance, pool *pgxpool.Pool) {
			t.Helper()
			sql := "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = 'client backend'"
			if _, err := pool.Exec(t.Context(), sql); err != nil {
				t.Errorf("cut connections: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.StartInstance(t)
			b := faulty(t)
			b.use(t, db)
			for _, after := range []int{30, 10} { // on an empty mirror, then on a known tenant
				s, err := b.interrupted(t, after, func() { fault(t, db, b.pool) })
				if err != nil {
					t.Fatalf("run: %v", err)
				}
				wantProved(t, s)
				b.pool.Reset() // its connections are gone
				b.wantEqual(t)
			}
		})
	}
}

// What a crash, or another server taking over, can do to transactions nobody
// has waited for: their rows and checkpoints are gone.
func TestRowsTheDatabaseLosesAreReadAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 1500, Seed: 19}))
	b.runner.Log = silent()
	s, err := b.interrupted(t, 60, func() {
		const lose = `do $$ declare stage text; begin
for stage in select oid::regclass::text from pg_class where relnamespace = 'syncer_stage'::regnamespace and relkind = 'r' loop
    execute 'delete from ' || stage;
end loop;
delete from syncer.checkpoints;
end $$`
		if _, err := b.pool.Exec(t.Context(), lose); err != nil {
			t.Errorf("lose what is staged: %v", err)
		}
	})
	if err != nil {
		t.Fatalf("run: %v", err)
	}
	wantProved(t, s)
	b.wantEqual(t)
}

func TestADatabaseWithoutRoomEndsTheRunResumable(t *testing.T) {
	t.Parallel()
	b := faulty(t)
	// The error Postgres gives when its disk is full, from where rows are staged.
	full := `create function no_room() returns trigger language plpgsql as $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100', hint = 'Check free disk space.'; end $$;
create trigger no_room before insert on syncer.checkpoints execute function no_room()`
	if _, err := b.pool.Exec(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	s, err := b.runner.Run(t.Context(), b.job)
	if err == nil || !strings.Contains(err.Error(), "No space left") || !s.Resumable {
		t.Errorf("error %v, resumable %v: want that there is no space, and a run that can be resumed", err, s.Resumable)
	}
	if _, err := b.pool.Exec(t.Context(), "drop trigger no_room on syncer.checkpoints"); err != nil {
		t.Fatal(err)
	}
	wantProved(t, b.run(t))
	b.wantEqual(t)
}

// The database refuses the commit of the transaction that publishes: nothing of
// what was prepared in it is true.
func TestARunWhoseCommitFailsIsNotPublishedAndCanBeResumed(t *testing.T) {
	t.Parallel()
	b := faulty(t)
	b.runner.Log = silent()
	full := `create function no_room() returns trigger language plpgsql as $$ begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$;
create constraint trigger no_room after insert on syncer.certificates deferrable initially deferred for each row execute function no_room()`
	if _, err := b.pool.Exec(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	s, err := b.runner.Run(t.Context(), b.job)
	if err == nil || s.Status != "failed" || !s.Resumable || s.Listings != nil || s.PublishedAt != nil {
		t.Errorf("error %v, status %s, resumable %v, published at %v, %d certificates", err, s.Status, s.Resumable, s.PublishedAt, len(s.Listings))
	}
	var status string
	if err := b.pool.QueryRow(t.Context(), "select status from syncer.runs where run_id = $1", s.RunID).Scan(&status); err != nil || status != "failed" {
		t.Errorf("the run is kept as %q: %v", status, err)
	}
	if _, err := b.pool.Exec(t.Context(), "drop trigger no_room on syncer.certificates"); err != nil {
		t.Fatal(err)
	}
	s = b.run(t)
	wantProved(t, s)
	b.wantEqual(t)
	if left := b.staged(t); len(left) > 0 || !s.Resumed {
		t.Errorf("resumed: %v, left behind: %v", s.Resumed, left)
	}
}

func userIDs(tenant *logtotest.Tenant) []string {
	var ids []string
	for _, row := range tenant.Rows("users") {
		ids = append(ids, row["id"].(string))
	}
	return ids
}
