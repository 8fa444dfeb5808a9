package mirror_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
)

// addLogs inserts log entries of somebody, the given time apart, up to the
// tenant's now.
func addLogs(t *testing.T, tenant *logtotest.Tenant, n int, apart time.Duration) []string {
	t.Helper()
	now, ids := tenant.Now(), make([]string, n)
	for i := range n {
		id, err := tenant.Insert("logs", logtotest.Row{
			"key": "Interaction.SignIn.Submit", "created_at": now.Add(-time.Duration(n-1-i) * apart),
			"payload": logtotest.Row{"key": "Interaction.SignIn.Submit", "result": "Success"},
		})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = id
	}
	return ids
}

// wantSettledLogs compares the mirror with every entry older than a minute.
func (b *bench) wantSettledLogs(t *testing.T, before time.Time) {
	t.Helper()
	have := b.ids(t, "logs")
	missing := 0
	for _, row := range b.server.Tenant.Rows("logs") {
		created, err := time.Parse(time.RFC3339Nano, row["created_at"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(row["key"].(string), "TriggerHook.") && created.Before(before.Add(-time.Minute)) && !have[row["id"].(string)] {
			missing++
		}
	}
	if missing > 0 {
		t.Errorf("%d settled log entries are not in the mirror, which has %d", missing, len(have))
	}
}

// Before 1.40 the server ignores start_time and end_time. A busy one is read to
// the proof all the same, for a request a hundred new entries and a handful.
func TestTheLogOfABusyServerThatIgnoresTheWindowIsProved(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.16", "1.36"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 3000, Seed: 18}), "logs")
			b.server.SetVersion(version)
			b.server.OnRequest(func(int, *http.Request) { // five entries a second, were a request a second
				addLogs(t, b.server.Tenant, 5, time.Millisecond)
			})
			for n, added := range []int{0, 1, 250, 2000} {
				b.server.Tenant.AdvanceClock(24 * time.Hour)
				addLogs(t, b.server.Tenant, added, 10*time.Second)
				start := b.server.Tenant.Now()
				s := b.run(t)
				wantProved(t, s)
				b.wantSettledLogs(t, start)
				c := certificate(s, "logs")
				if most := 10 + added/100; n > 0 && c.Requests > most {
					t.Errorf("%d requests for %d new entries, want at most %d", c.Requests, added, most)
				}
				t.Logf("%d new: %d requests, %d distinct", added, c.Requests, c.Distinct)
			}
		})
	}
}

func TestTheLogOfAServerThatTakesTheWindowIsProvedWhileItGrows(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.40", "1.42"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 3000, Seed: 18}), "logs")
			b.server.SetVersion(version)
			b.server.OnRequest(func(int, *http.Request) { addLogs(t, b.server.Tenant, 5, time.Millisecond) })
			for n, added := range []int{0, 1, 250} {
				b.server.Tenant.AdvanceClock(24 * time.Hour)
				addLogs(t, b.server.Tenant, added, 10*time.Second)
				start := b.server.Tenant.Now()
				s := b.run(t)
				wantProved(t, s)
				b.wantSettledLogs(t, start)
				if c := certificate(s, "logs"); n > 0 && c.Requests > 6+added/100 {
					t.Errorf("%d requests for %d new entries", c.Requests, added)
				}
			}
		})
	}
}

// Where many entries share a moment, the server may give them another order on
// every page.
func TestEntriesOfOneMomentAtTheEdgeOfAPageAreNotLost(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.36", "1.42"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 10, Seed: 19}), "logs")
			b.server.SetVersion(version)
			for range 800 { // more than 5,000, which the simulator gives another order on every page
				b.server.Tenant.AdvanceClock(time.Second)
				addLogs(t, b.server.Tenant, 7, 0)
			}
			b.server.Tenant.AdvanceClock(time.Hour)
			start := b.server.Tenant.Now()
			wantProved(t, b.run(t))
			b.wantSettledLogs(t, start)
		})
	}
}

func TestAPageFullOfOneMomentIsNotProvedAndIsSaid(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 10, Seed: 19}), "logs")
	b.server.SetVersion("1.36")
	addLogs(t, b.server.Tenant, 250, 0)
	c := certificate(b.run(t), "logs")
	if c.Proof != string(extract.NotProved) || !strings.Contains(c.Reason, "one millisecond") {
		t.Errorf("250 entries of one millisecond are %s: %s", c.Proof, c.Reason)
	}
}

// What a run could not prove, the next one reads again.
func TestAWindowThatWasNotProvedIsReadAgain(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"1.36", "1.42"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 10, Seed: 20}), "logs")
			b.server.SetVersion(version)
			wantProved(t, b.run(t))
			hour := func() { b.server.Tenant.AdvanceClock(time.Hour) }
			hour()
			poisoned := addLogs(t, b.server.Tenant, 1, 0)[0]
			hour()
			addLogs(t, b.server.Tenant, 3, time.Minute)
			hour()
			b.server.FailOnRow(poisoned)
			if c := certificate(b.run(t), "logs"); c.Proof != string(extract.NotProved) {
				t.Fatalf("with an entry that makes the server answer 500: %s", c.Proof)
			}
			b.server.RepairRow(poisoned)
			hour()
			wantProved(t, b.run(t))
			if !b.ids(t, "logs")[poisoned] {
				t.Error("the entry that could not be sent is not in the mirror, and the certificate says complete")
			}
		})
	}
}

// An entry that cannot be sent is met once; the resumed run begins behind it.
func TestAResumedRunKnowsOfAnEntryThatCouldNotBeSent(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 10, Seed: 20}), "logs")
	b.server.SetVersion("1.36")
	b.runner.Log, b.runner.PageSize = silent(), 20
	entries := addLogs(t, b.server.Tenant, 300, time.Second)
	b.server.Tenant.AdvanceClock(time.Hour)
	b.server.FailOnRow(entries[len(entries)-5])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.server.OnRequest(func(_ int, r *http.Request) {
		var stored bool
		err := b.pool.QueryRow(t.Context(), "select exists (select from syncer.checkpoints where listing = 'logs' and chunks::text like '%newest first 2%')").Scan(&stored)
		if err != nil {
			t.Error(err)
		}
		if stored && r.URL.Path == "/api/logs" {
			cancel()
		}
	})
	if _, err := b.runner.Run(ctx, b.job); err == nil {
		t.Fatal("the run was not broken off")
	}
	b.server.OnRequest(nil)
	s := b.run(t)
	if c := certificate(s, "logs"); !s.Resumed || c.Proof != string(extract.NotProved) {
		t.Errorf("resumed %t: logs is %s, and an entry is missing", s.Resumed, c.Proof)
	}
}

// Somebody who is still in Logto is erased from the mirror, and comes back whole.
func TestTheLogEntriesOfSomebodyForgottenComeBackWithThem(t *testing.T) {
	t.Parallel()
	b := setup(t, recorded(t), "users", "logs")
	wantProved(t, b.run(t))
	var person string
	if err := b.pool.QueryRow(t.Context(), `select payload->>'userId' from logto.logs
where payload->>'userId' in (select id from logto.users)
  and created_at < (select max(created_at) - interval '1 hour' from logto.logs) limit 1`).Scan(&person); err != nil {
		t.Fatal(err)
	}
	entries := func() (n int) {
		if err := b.pool.QueryRow(t.Context(), "select count(*) from logto.logs where payload->>'userId' = $1", person).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := entries()
	if _, err := mirror.EraseUsers(t.Context(), b.pool, b.job.Tenant, load.DataSubjects{IDs: []string{person}}); err != nil {
		t.Fatal(err)
	}
	if n := entries(); n != 0 {
		t.Fatalf("%d entries after they were erased", n)
	}
	wantProved(t, b.run(t))
	if n := entries(); n != before {
		t.Errorf("%d log entries came back, there were %d", n, before)
	}
	// Erased once they are deleted in Logto, nothing brings them back.
	if err := b.server.Tenant.DeleteUser(person); err != nil {
		t.Fatal(err)
	}
	wantProved(t, b.run(t))
	if _, err := mirror.EraseUsers(t.Context(), b.pool, b.job.Tenant, load.DataSubjects{IDs: []string{person}}); err != nil {
		t.Fatal(err)
	}
	wantProved(t, b.run(t))
	if n := entries(); n != 0 {
		t.Errorf("%d log entries of somebody deleted came back", n)
	}
}

// Only the server's clock counts.
func TestAClientClockThatIsWrongMakesNoDifferenceToLogs(t *testing.T) {
	t.Parallel()
	for name, ahead := range map[string]time.Duration{"slow by an hour": time.Hour, "fast by an hour": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, logtotest.Generate(logtotest.Options{Users: 500, Seed: 21}), "logs")
			b.server.Tenant.AdvanceClock(time.Until(b.server.Tenant.Now()) * -1)
			b.server.Tenant.AdvanceClock(ahead)
			for range 3 {
				addLogs(t, b.server.Tenant, 3, 0)
				b.server.Tenant.AdvanceClock(2 * time.Minute)
				start := b.server.Tenant.Now()
				wantProved(t, b.run(t))
				b.wantSettledLogs(t, start)
			}
		})
	}
}

func TestAServerClockThatIsSetBackLosesNoLogs(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 500, Seed: 21}), "logs")
	addLogs(t, b.server.Tenant, 3, 0)
	b.server.Tenant.AdvanceClock(2 * time.Minute)
	wantProved(t, b.run(t))
	b.server.Tenant.AdvanceClock(-6 * time.Hour)
	addLogs(t, b.server.Tenant, 3, 0)
	b.server.Tenant.AdvanceClock(2 * time.Minute)
	start := b.server.Tenant.Now()
	wantProved(t, b.run(t))
	b.wantSettledLogs(t, start)
}

// A resumed run does not begin at the top again, though the log has grown.
func TestAResumedRunGoesOnInTheMiddleOfTheLog(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 5000, Seed: 22}), "logs")
	b.server.SetVersion("1.36")
	stop := make(chan struct{})
	b.runner.Stop = stop
	b.server.OnRequest(func(n int, _ *http.Request) {
		if n == 15 {
			close(stop)
		}
	})
	start := b.server.Tenant.Now()
	if _, err := b.runner.Run(t.Context(), b.job); !errors.Is(err, extract.ErrStopped) {
		t.Fatalf("stopped: %v", err)
	}
	b.server.OnRequest(nil)
	addLogs(t, b.server.Tenant, 1500, time.Millisecond)
	b.runner.Stop = nil
	first := b.server.Counters().Requests
	s := b.run(t)
	wantProved(t, s)
	b.wantSettledLogs(t, start)
	whole := b.server.Tenant.Count("logs")/100 + 5
	if n := b.server.Counters().Requests - first; n > whole-10 {
		t.Errorf("the resumed run took %d requests of %d for all", n, whole)
	}
	if uris := b.server.URIs(); slices.Contains(uris[first:], uris[1]) {
		t.Errorf("the resumed run asked for %s again", uris[1])
	}
}

// An answer without the rows it counts says nothing about the window.
func TestAnEmptyAnswerDoesNotSpoilTheWindowOfLogs(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 500, Seed: 23}), "logs")
	wantProved(t, b.run(t))
	for n := range 5 {
		b.server.Tenant.AdvanceClock(time.Hour)
		addLogs(t, b.server.Tenant, 150, time.Second)
		remove := b.server.Inject(logtotest.Fault{Kind: logtotest.Empty, Path: "/api/logs", Count: n + 1})
		b.run(t)
		remove()
		start := b.server.Tenant.Now()
		wantProved(t, b.run(t))
		b.wantSettledLogs(t, start)
	}
}

// A proxy that drops the query and Total-Number makes the newest entries look as
// if they were all.
func TestADefaultPageOfTheLogIsNotTakenForTheWholeLog(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 3, Seed: 52}), "logs")
	b.runner.Log = silent()
	tenant := b.server.Tenant
	addLogs(t, tenant, 300, time.Second)
	tenant.AdvanceClock(2 * time.Minute)
	start, direct := tenant.Now(), b.runner.Client
	b.behind(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path == "/api/logs" {
			r.URL.RawQuery = ""
		}
		next.ServeHTTP(w, r)
	})
	remove := b.server.Inject(logtotest.Fault{Kind: logtotest.NoTotal, Path: "/api/logs"})
	if c := certificate(b.run(t), "logs"); c.Proof == "complete" {
		t.Errorf("logs are complete with %d of %d entries: %+v", b.count(t, "logs"), tenant.Count("logs"), c)
	}
	remove()
	b.runner.Client = direct
	wantProved(t, b.run(t))
	b.wantSettledLogs(t, start)
}

// Without Total-Number, as many entries as a default page has are proved if the
// query arrives.
func TestAWindowAsLongAsADefaultPageIsProvedWithoutTotalNumber(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 3, Seed: 53}), "logs")
	b.runner.Log = silent()
	tenant := b.server.Tenant
	wantProved(t, b.run(t))
	b.server.Inject(logtotest.Fault{Kind: logtotest.NoTotal, Path: "/api/logs"})
	tenant.AdvanceClock(time.Hour)
	addLogs(t, tenant, 20, time.Second)
	for sizes := []int{}; !slices.Contains(sizes, 20); {
		if len(sizes) == 5 {
			t.Fatalf("windows of %v entries, none of 20", sizes)
		}
		tenant.AdvanceClock(10 * time.Minute)
		start := tenant.Now()
		s := b.run(t)
		wantProved(t, s)
		b.wantSettledLogs(t, start)
		sizes = append(sizes, certificate(s, "logs").Distinct)
	}
}
