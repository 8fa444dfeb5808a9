package logtotest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"logto-syncer/internal/logtotest"
)

// walk reads a listing by pages of 100, as its documentation says, and returns
// the ids in the order they came.
func walk(t *testing.T, s *logtotest.Server, path string) (ids []string, total int) {
	t.Helper()
	bearer := token(t, s, "all")
	for page := 1; ; page++ {
		sep := "?"
		if u, err := url.Parse(path); err == nil && u.RawQuery != "" {
			sep = "&"
		}
		got := ask(t, s, http.MethodGet, fmt.Sprintf("%s%spage=%d&page_size=100", path, sep, page), bearer)
		if got.status != http.StatusOK {
			t.Fatalf("%s page %d: %d %s", path, page, got.status, got.raw)
		}
		total, _ = strconv.Atoi(got.header.Get("Total-Number"))
		rows := got.body.([]any)
		for _, r := range rows {
			ids = append(ids, r.(map[string]any)["id"].(string))
		}
		if len(rows) < 100 {
			return ids, total
		}
	}
}

func distinct(ids []string) int {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return len(slices.Compact(ids))
}

func TestWalkByPages(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		o     logtotest.Options
		opts  []logtotest.Option
		path  string
		loses bool
	}{
		"users that share created_at are lost between pages":            {o: logtotest.Options{Users: 4000, Ties: true}, path: "/api/users", loses: true},
		"users whose created_at are distinct are all read":              {o: logtotest.Options{Users: 4000}, path: "/api/users"},
		"an orderly server loses nobody":                                {o: logtotest.Options{Users: 4000, Ties: true}, opts: []logtotest.Option{logtotest.Orderly()}, path: "/api/users"},
		"organizations are read in two orders when there are many":      {o: logtotest.Options{Users: 10, Organizations: 3000}, path: "/api/organizations", loses: true},
		"few organizations come in one order":                           {o: logtotest.Options{Users: 10, Organizations: 300}, path: "/api/organizations"},
		"a search finds the same users in pages that overlap with ties": {o: logtotest.Options{Users: 20000, Ties: true}, path: "/api/users?isCaseSensitive=true&search.id=a%25", loses: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, logtotest.Generate(tc.o), tc.opts...)
			ids, total := walk(t, s, tc.path)
			if len(ids) != total {
				t.Errorf("%d rows, Total-Number %d: the count alone must not show the loss", len(ids), total)
			}
			if lost := total - distinct(ids); lost > 0 != tc.loses {
				t.Errorf("lost %d of %d rows, want a loss: %v", lost, total, tc.loses)
			}
			again, _ := walk(t, s, tc.path)
			if !slices.Equal(ids, again) {
				t.Error("the same questions had other answers although nothing changed")
			}
		})
	}
}

func TestParts(t *testing.T) {
	t.Parallel()
	s := start(t, logtotest.Generate(logtotest.Options{Users: 5000, Ties: true}))
	bearer := token(t, s, "all")
	seen := map[string]bool{}
	for _, class := range []string{"^[0-9]", "^[a-h]", "^[i-q]", "^[r-z]", "^[^0-9a-z]"} {
		path := "/api/users?page=1&page_size=1&mode.id=posix&isCaseSensitive=true&search.id=" + url.QueryEscape(class)
		total := ask(t, s, http.MethodGet, path, bearer).header.Get("Total-Number")
		n := 0
		for _, first := range "0123456789abcdefghijklmnopqrstuvwxyz" {
			if ok := class[2] != '^' && first >= rune(class[2]) && first <= rune(class[4]); !ok {
				continue
			}
			for _, second := range "0123456789abcdefghijklmnopqrstuvwxyz" {
				got := ask(t, s, http.MethodGet, fmt.Sprintf("/api/users?page_size=100&isCaseSensitive=true&search.id=%c%c%%25", first, second), bearer)
				for _, u := range got.body.([]any) {
					seen[u.(map[string]any)["id"].(string)] = true
					n++
				}
			}
		}
		if total != strconv.Itoa(n) {
			t.Errorf("%s: Total-Number %s, but its prefixes have %d", class, total, n)
		}
	}
	if len(seen) != 5000 {
		t.Errorf("the parts have %d users, want 5000", len(seen))
	}
}

func TestChangeWhileRead(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(t *testing.T, tenant *logtotest.Tenant, read []string)
		rows   int // distinct rows a walk over 250 users still finds
	}{
		"a deletion on a page read before hides one row": {func(t *testing.T, tenant *logtotest.Tenant, read []string) {
			check(t, tenant.DeleteUser(read[0]))
		}, 249},
		"a bulk deletion hides as many": {func(t *testing.T, tenant *logtotest.Tenant, read []string) {
			check(t, tenant.DeleteUsers(read[:7]...))
		}, 243},
		"a new user shifts a row onto the next page": {func(t *testing.T, tenant *logtotest.Tenant, _ []string) {
			_, err := tenant.CreateUser(logtotest.Row{"username": "fresh"})
			check(t, err)
		}, 250},
		"an old created_at puts a new user at the end": {func(t *testing.T, tenant *logtotest.Tenant, _ []string) {
			_, err := tenant.CreateUser(logtotest.Row{"id": "oldest", "created_at": "2001-01-01T00:00:00Z"})
			check(t, err)
		}, 251},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tenant := logtotest.Generate(logtotest.Options{Users: 250})
			s := start(t, tenant)
			before, _ := walk(t, s, "/api/users")
			s.ResetCounters()
			s.OnRequest(func(n int, _ *http.Request) {
				if n == 2 {
					tc.change(t, tenant, before)
				}
			})
			ids, _ := walk(t, s, "/api/users")
			if got := distinct(ids); got != tc.rows {
				t.Errorf("%d distinct rows, want %d", got, tc.rows)
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestBetweenStatements(t *testing.T) {
	t.Parallel()
	tenant := logtotest.Generate(logtotest.Options{Users: 30})
	s := start(t, tenant)
	s.BetweenStatements(func(int, *http.Request) {
		_, err := tenant.CreateUser(logtotest.Row{"name": "late"})
		check(t, err)
	})
	got := ask(t, s, http.MethodGet, "/api/users?page_size=100", token(t, s, "all"))
	if total, n := got.header.Get("Total-Number"), len(got.body.([]any)); total != "30" || n != 31 {
		t.Errorf("Total-Number %s and %d rows, want 30 and 31", total, n)
	}
}

func TestUpdateMovesAnOrganization(t *testing.T) {
	t.Parallel()
	tenant := logtotest.Generate(logtotest.Options{Users: 10, Organizations: 150})
	s := start(t, tenant)
	before, _ := walk(t, s, "/api/organizations")
	check(t, tenant.UpdateOrganization(before[3], logtotest.Row{"name": "Renamed"}))
	after, _ := walk(t, s, "/api/organizations")
	if after[3] == before[3] || after[149] != before[3] {
		t.Errorf("the changed organization is at %d, want it at the end", slices.Index(after, before[3]))
	}
}

func TestOrganizationUsersHadNoOrder(t *testing.T) {
	t.Parallel()
	s := start(t, logtotest.Generate(logtotest.Options{Users: 3000, Organizations: 5}))
	path := "/api/organizations/" + s.Tenant.Rows("organizations")[0]["id"].(string) + "/users"
	for version, want := range map[string]bool{"": true, "1.40": true, "1.39": false} {
		s.SetVersion(version)
		ids, _ := walk(t, s, path)
		if slices.IsSorted(ids) != want || distinct(ids) != len(ids) {
			t.Errorf("version %q: %d rows, %d distinct, sorted by id: %v", version, len(ids), distinct(ids), slices.IsSorted(ids))
		}
		check(t, s.Tenant.UpdateUser(ids[0], logtotest.Row{"name": "Renamed"}))
		if again, _ := walk(t, s, path); slices.Equal(ids, again) != want {
			t.Errorf("version %q: the same order after a write: %v", version, !want)
		}
	}
}
