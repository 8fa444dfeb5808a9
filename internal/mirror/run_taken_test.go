package mirror_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/load"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// stealLock ends the connection that holds a tenant's lock, as a database that
// fails over does, and returns when the lock is free.
func stealLock(ctx context.Context, pool *pgxpool.Pool, tenant string) error {
	const sql = `select count(pg_terminate_backend(pid, 60000)) from pg_locks
where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())
and (classid::bigint << 32) | objid::bigint = hashtextextended($1, x'6c6f67746f'::bigint)`
	var cut int
	if err := pool.QueryRow(ctx, sql, tenant).Scan(&cut); err != nil {
		return err
	}
	if cut != 1 {
		return errors.New("nobody held the lock")
	}
	return nil
}

// pausedOnce calls f at the first request that matches, which waits for it.
func pausedOnce(server *logtotest.Server, matches func(*http.Request) bool, f func()) {
	var once sync.Once
	server.OnRequest(func(_ int, r *http.Request) {
		if matches(r) {
			once.Do(f)
		}
	})
}

// onCall is a mirror of a tenant whose role "on call" has changed hands since,
// and who has got it and who has lost it.
func onCall(t *testing.T) (b *bench, role, got, lost string) {
	t.Helper()
	b = setup(t, logtotest.Generate(logtotest.Options{Users: 60, Seed: 38}), "user_roles")
	b.runner.Log = silent()
	tenant := b.server.Tenant
	role, err := tenant.CreateRole(logtotest.Row{"name": "on call", "description": "x"})
	if err != nil {
		t.Fatal(err)
	}
	ids := userIDs(tenant)
	for _, id := range ids[:5] {
		if err := tenant.AssignRole(id, role); err != nil {
			t.Fatal(err)
		}
	}
	wantProved(t, b.run(t))
	got, lost = ids[20], ids[0]
	if err := errors.Join(tenant.AssignRole(got, role), tenant.UnassignRole(lost, role), tenant.UpdateUser(got, logtotest.Row{"name": "Wanda Widerruf"})); err != nil {
		t.Fatal(err)
	}
	return b, role, got, lost
}

func holdersOf(role string) func(*http.Request) bool {
	return func(r *http.Request) bool { return r.URL.Path == "/api/roles/"+role+"/users" }
}

// otherProcess is a second process that mirrors the same tenant, through a
// server of its own to tell the two apart.
func (b *bench) otherProcess(t *testing.T) (*mirror.Runner, *logtotest.Server) {
	t.Helper()
	server := logtotest.Start(b.server.Tenant)
	t.Cleanup(server.Close)
	return &mirror.Runner{Pool: b.pool, Client: client(t, server), Log: silent()}, server
}

// Two processes believe that they are alone: one was paused or cut off from the
// database, and the other has resumed its run meanwhile. What the first stages
// from then on, the second has not looked for.
func TestAnAttemptWhoseRunWasResumedElsewhereStagesNothing(t *testing.T) {
	t.Parallel()
	b, role, _, _ := onCall(t)
	other, server := b.otherProcess(t)
	began, goOn := make(chan struct{}), make(chan struct{})
	pausedOnce(server, func(*http.Request) bool { return true }, func() {
		close(began)
		<-goOn
	})
	var s mirror.Summary
	var otherErr error
	var second sync.WaitGroup
	pausedOnce(b.server, holdersOf(role), func() {
		if err := stealLock(t.Context(), b.pool, b.job.Tenant); err != nil {
			t.Error(err)
		}
		second.Go(func() { s, otherErr = other.Run(t.Context(), b.job) })
		<-began
	})
	_, err := b.runner.Run(t.Context(), b.job)
	if !errors.Is(err, state.ErrLocked) {
		t.Errorf("the attempt that lost its run: %v", err)
	}
	close(goOn)
	second.Wait()
	if otherErr != nil || !s.Resumed {
		t.Fatalf("the attempt that has the run: resumed %v, error %v", s.Resumed, otherErr)
	}
	wantProved(t, s)
	b.wantEqual(t)
}

// The same, but the first attempt wakes only when the other process is done.
func TestAnAttemptThatWakesTooLateChangesNothing(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(t *testing.T, b *bench){
		"the run was published": func(t *testing.T, b *bench) {
			t.Helper()
			other, _ := b.otherProcess(t)
			s, err := other.Run(t.Context(), b.job)
			if err != nil || !s.Resumed {
				t.Errorf("resumed %v, error %v", s.Resumed, err)
			}
		},
		"the run was abandoned for another": func(t *testing.T, b *bench) {
			t.Helper()
			other, _ := b.otherProcess(t)
			job := b.job
			job.Listings = catalog.Select([]string{"users"})
			if s, err := other.Run(t.Context(), job); err != nil || s.Resumed {
				t.Errorf("resumed %v, error %v", s.Resumed, err)
			}
		},
		"the run was abandoned to forget somebody": func(t *testing.T, b *bench) {
			t.Helper()
			if _, err := mirror.EraseUsers(t.Context(), b.pool, b.job.Tenant, load.DataSubjects{IDs: userIDs(b.server.Tenant)[20:21]}); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, role, got, _ := onCall(t)
			var before map[string]string
			pausedOnce(b.server, holdersOf(role), func() {
				if err := stealLock(t.Context(), b.pool, b.job.Tenant); err != nil {
					t.Error(err)
				}
				meanwhile(t, b)
				before = b.versions(t)
			})
			_, err := b.runner.Run(t.Context(), b.job)
			if !errors.Is(err, state.ErrLocked) {
				t.Errorf("the attempt that woke: %v, want that another process has the run", err)
			}
			for table, now := range b.versions(t) {
				if now != before[table] {
					t.Errorf("%s was written by it", table)
				}
			}
			if left := b.staged(t); len(left) > 0 {
				t.Errorf("it staged in %v", left)
			}
			wantProved(t, b.run(t))
			b.wantEqual(t)
			if !b.ids(t, "users")[got] {
				t.Error("somebody is missing")
			}
		})
	}
}

// staged returns the stage tables there are, and "checkpoints" if there are any.
func (b *bench) staged(t *testing.T) (names []string) {
	t.Helper()
	const sql = `select coalesce(array_agg(relname::text), '{}') || case when exists (select from syncer.checkpoints) then '{checkpoints}'::text[] else '{}' end
from pg_class where relnamespace = 'syncer_stage'::regnamespace and relkind = 'r'`
	if err := b.pool.QueryRow(t.Context(), sql).Scan(&names); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}
