package mirror_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"logto-syncer/internal/logtotest"
)

// users makes so many users, an hour between each and the next, and returns their
// ids in the order of the list: the newest first.
func users(t *testing.T, tenant *logtotest.Tenant, n int) (ids []string) {
	t.Helper()
	for i := range n {
		row := logtotest.Row{"name": "User", "created_at": tenant.Now().Add(-time.Duration(i+1) * time.Hour)}
		if i%8 == 0 { // more than their share begin alike
			row["id"] = fmt.Sprintf("k0%010d", i)
		}
		id, err := tenant.CreateUser(row)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// page reports whether a request asks for that page of the list of users, by rows of
// that size.
func page(r *http.Request, n, size int) bool {
	q := r.URL.Query()
	return r.URL.Path == "/api/users" && q.Get("page") == fmt.Sprint(n) && q.Get("page_size") == fmt.Sprint(size)
}

func TestALongListIsReadInRangesOfSeveralPages(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 7000, Seed: 41}), "users")
	s := b.run(t)
	wantProved(t, s)
	b.wantEqual(t)
	// The first page, one range for a sample, four of 18 pages and their counts, and
	// ids of no range.
	if got := certificate(s, "users").Requests; got > 1+1+4*(18+1)+1 {
		t.Errorf("%d requests for 7,000 users", got)
	}
}

func TestATenantOfImportsIsReadInRangesOfOnePage(t *testing.T) {
	t.Parallel()
	b := setup(t, logtotest.Generate(logtotest.Options{Users: 7000, Seed: 41, Ties: true}), "users")
	s := b.run(t)
	wantProved(t, s)
	b.wantEqual(t)
	// 83 ranges, of which one in 16 takes two requests, and what finds out.
	if got := certificate(s, "users").Requests; got > 83+83/10+5 {
		t.Errorf("%d requests for 7,000 users", got)
	}
}

// What finds out how the list is read stores nothing, or a value that Postgres cannot
// hold would be noted twice.
func TestWhatIsStoredOfALongListIsNotedOnce(t *testing.T) {
	t.Parallel()
	b, ids := withUsers(t, 10, 60)
	for _, id := range ids {
		if err := b.server.Tenant.UpdateUser(id, logtotest.Row{"custom_data": map[string]any{"note": "a\x00b"}}); err != nil {
			t.Fatal(err)
		}
	}
	s := b.run(t)
	wantProved(t, s)
	notes := certificate(s, "users").Notes
	if n := notes["values stored with a replacement, since Postgres cannot hold them as they came"]; n != len(ids) {
		t.Errorf("%d values of %d users are noted: %v", n, len(ids), notes)
	}
}

// A range that the server does not count cannot be divided by its number. A resumed run
// reads it as it is.
func TestALongRangeThatIsNotCountedIsReadHoweverOftenItsRunIsResumed(t *testing.T) {
	t.Parallel()
	b, _ := withUsers(t, 10, 240)
	b.server.Inject(logtotest.Fault{Kind: logtotest.NoTotal, Path: "/api/users", Query: "page=100000000", Skip: 1, Count: 3})
	s := b.inPieces(t, 14)
	wantProved(t, s)
	if !s.Resumed {
		t.Error("not resumed: the test proves nothing")
	}
	b.wantEqual(t)
}

// Who is created after the count, and after the number of the first page, but before
// its rows, stands in for somebody whom a deletion moves from the second page to the
// first, which has been read.
func TestAUserCreatedAfterTheCountStandsInForNobody(t *testing.T) {
	t.Parallel()
	b, ids := withUsers(t, 10, 60)
	tenant := b.server.Tenant
	var mu sync.Mutex
	counted, created, deleted := false, false, false
	b.server.BetweenStatements(func(_ int, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if counted && !created && page(r, 1, 10) {
			created = true
			if _, err := tenant.CreateUser(logtotest.Row{"name": "New"}); err != nil {
				t.Error(err)
			}
		}
	})
	b.server.OnRequest(func(_ int, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if created && !deleted {
			deleted = true
			if err := tenant.DeleteUser(ids[4]); err != nil {
				t.Error(err)
			}
		}
		counted = counted || page(r, 100_000_000, 1)
	})
	wantProved(t, b.run(t))
	if !deleted {
		t.Fatal("the list was not read in a long range")
	}
	b.wantUser(t, ids[9])
}

// Who is deleted before the second page of a range is read moves others from there
// to where the first page was.
func TestWhoIsDeletedBetweenTwoPagesOfARangeHidesNobody(t *testing.T) {
	t.Parallel()
	b, ids := withUsers(t, 20, 100)
	tenant := b.server.Tenant
	var once sync.Once
	hidden := ""
	b.server.OnRequest(func(_ int, r *http.Request) {
		q := r.URL.Query()
		if !strings.HasPrefix(r.URL.Path, "/api/users") || q.Get("page") != "2" || q.Get("page_size") == "20" {
			return
		}
		once.Do(func() {
			in := regexp.MustCompile(q.Get("search.id"))
			rows := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !in.MatchString(id) })
			size, err := strconv.Atoi(q.Get("page_size"))
			if err != nil || len(rows) < 22 {
				t.Errorf("a range of %d rows, %v", len(rows), err)
				return
			}
			hidden = rows[20]
			for _, id := range rows[:20-size+1] { // the second page begins with rows[21]
				if err := tenant.DeleteUser(id); err != nil {
					t.Error(err)
				}
			}
		})
	})
	wantProved(t, b.run(t))
	if hidden == "" {
		t.Fatal("no range overflowed")
	}
	b.wantUser(t, hidden)
}

// withUsers is a tenant of so many users and no others, read by pages of some rows.
func withUsers(t *testing.T, pageSize, n int) (b *bench, ids []string) {
	t.Helper()
	b = setup(t, logtotest.Generate(logtotest.Options{Seed: 42}), "users")
	b.runner.PageSize = pageSize
	for _, row := range b.server.Tenant.Rows("users") {
		if err := b.server.Tenant.DeleteUser(fmt.Sprint(row["id"])); err != nil {
			t.Fatal(err)
		}
	}
	return b, users(t, b.server.Tenant, n)
}

// wantUser fails unless the mirror has the user.
func (b *bench) wantUser(t *testing.T, id string) {
	t.Helper()
	var there bool
	err := b.pool.QueryRow(t.Context(), "select exists (select from logto.users where tenant_id = $1 and id = $2)", b.job.Tenant, id).Scan(&there)
	if err != nil {
		t.Fatal(err)
	}
	if !there {
		t.Errorf("user %s lived throughout the run and is not in the mirror", id)
	}
}
