package logtotest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestLike(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, text string
		sensitive     bool
		want          bool
	}{
		{"abc", "abc", true, true},
		{"abc", "ABC", true, false},
		{"abc", "ABC", false, true},
		{"a%", "a", true, true},
		{"%b%", "abc", true, true},
		{"%a%b", "xaxb", true, true},
		{"%a%b", "xaxbx", true, false},
		{"a_c", "abc", true, true},
		{"a_c", "aéc", true, true},
		{"a_c", "ac", true, false},
		{`100\%`, "100%", true, true},
		{`100\%`, "1000", true, false},
		{"%", "", true, true},
		{"_", "", true, false},
		{"%é%", "CAFÉ x", false, true},
	} {
		t.Run(fmt.Sprintf("%s matches %s: %v", tc.pattern, tc.text, tc.want), func(t *testing.T) {
			t.Parallel()
			if got := like(tc.pattern, tc.sensitive)(tc.text); got != tc.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestSimilarTo(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{"(a|b)%", "banana", true},
		{"(a|b)%", "cab", false},
		{"a.c", "abc", false},
		{"a_c", "abc", true},
		{"[0-4]%", "3x", true},
		{"%$", "a$", true},
	} {
		re := regexp.MustCompile(similarToRegexp(tc.pattern))
		if got := re.MatchString(tc.text); got != tc.want {
			t.Errorf("%q similar to %q: %v", tc.text, tc.pattern, got)
		}
	}
}

// TestRangesAreThePattern holds the indexed way of a search to the slow one.
func TestRangesAreThePattern(t *testing.T) {
	t.Parallel()
	ids := func(t *rapid.T) []string {
		return rapid.SliceOfDistinct(rapid.StringMatching(`[ -~é]{0,2}[a-d0-3_A-]{1,4}`), rapid.ID[string]).Draw(t, "ids")
	}
	class := rapid.OneOf(
		rapid.StringMatching(`[a-d0-3]`),
		rapid.SampledFrom([]string{"[a-c]", "[0-1a-b]", "[abd]", "[^0-9a-z]", "[^a]", "[a-b0]", "[A-Z]", "[_]", "é", ".", "a+", "(a|b)", "[[:digit:]]"}),
	)
	t.Run("posix", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			var alternatives []string
			for _, classes := range rapid.SliceOfN(rapid.SliceOfN(class, 1, 3), 1, 3).Draw(t, "alternatives") {
				alternatives = append(alternatives, strings.Join(classes, ""))
			}
			pattern := "^" + alternatives[0]
			if len(alternatives) > 1 {
				pattern = "^(" + strings.Join(alternatives, "|") + ")"
			}
			sameAsScan(t, ids(t), posixIDBounds(pattern), regexp.MustCompile(pattern).MatchString)
		})
	})
	t.Run("like", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			pattern := rapid.StringMatching(`[a-d0-3_%]{1,3}%?`).Draw(t, "pattern")
			sameAsScan(t, ids(t), likeIDBounds(pattern), like(pattern, true))
		})
	})
}

func sameAsScan(t *rapid.T, ids []string, ranges []idBounds, matches func(string) bool) {
	if ranges == nil {
		return // left to the scan
	}
	var users []*user
	var want, have []string
	for _, id := range ids {
		u := new(user)
		u.setTexts(&[uTexts]string{quote(id)})
		users = append(users, u)
		if matches(id) {
			want = append(want, id)
		}
	}
	set := newUserSet(users)
	for _, r := range ranges {
		for _, u := range set.between(r) {
			have = append(have, u.id())
		}
	}
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		t.Fatalf("ranges %v find %q, the pattern %q", ranges, have, want)
	}
}

func TestRangesOfWhatSplitsAsk(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"^a", "^ab", "^ab[0-7]", "^[0-9a-f]", "^[^0-9a-z]", "^a[^0-9a-z]", "^[ab][0-3]", "^(ab[x-z]|ac|ad[0-4][0-9a-z])"} {
		if posixIDBounds(pattern) == nil {
			t.Errorf("%s is scanned", pattern)
		}
	}
}

func TestTopByAgeKeepsTheTies(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1000, 1500).Draw(t, "n")
		users := make([]*user, n)
		for i := range users {
			users[i] = &user{created: int64(rapid.IntRange(0, 50).Draw(t, "at"))}
		}
		top := rapid.IntRange(1, 100).Draw(t, "top")
		times := func(users []*user) (at []int64) {
			for _, u := range users {
				at = append(at, -u.created)
			}
			slices.Sort(at)
			return at
		}
		all := times(users)
		got := times(pruneToNewest(slices.Clone(users), top))
		if len(got) < top || !slices.Equal(all[:len(got)], got) || len(got) < n && all[len(got)] == all[top-1] {
			t.Fatalf("%d of %d kept for the top %d", len(got), n, top)
		}
	})
}

func TestShuffledIsAPermutation(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n, key := rapid.IntRange(1, 300).Draw(t, "n"), rapid.Uint64().Draw(t, "key")
		seen := make([]bool, n)
		for i := range n {
			j := permuteIndex(i, n, key)
			if j < 0 || j >= n || seen[j] {
				t.Fatalf("%d of %d goes to %d", i, n, j)
			}
			seen[j] = true
		}
	})
}

func TestRounded(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"big":9007199254740993}`:      `{"big":9007199254740992}`,
		`{"s":"9007199254740993"}`:      `{"s":"9007199254740993"}`,
		`[1.5,-3,12345678901234567890]`: `[1.5,-3,12345678901234567000]`,
	} {
		if got := roundBigNumbers(in); got != want {
			t.Errorf("rounded(%s) = %s, want %s", in, got, want)
		}
	}
}

// TestFinderFindsWhatAScanFinds compares the ways to find a page.
func TestFinderFindsWhatAScanFinds(t *testing.T) {
	t.Parallel()
	tenant := Generate(Options{Users: 6000, Ties: true})
	for _, raw := range []string{
		"search.id=a%25", "search.id=ab%25", "mode.id=posix&search.id=^[0-9a-f]", "mode.id=posix&search.id=^[^0-9]",
		"search.id=a%25&search.name=%25a%25&joint=and", "mode.id=posix&search.id=^[a-m]&search.username=a%25&joint=and",
		"search.id=a%25&search.name=%25a%25", "search.name=%25o%25", "mode.id=exact&search.id=" + tenant.users.byID[5].id(),
	} {
		t.Run(raw, func(t *testing.T) {
			t.Parallel()
			s, err := parseSearch(append(parseQuery(raw), parseQuery("isCaseSensitive=true")...), userSearchFields())
			if err != nil {
				t.Fatal(err)
			}
			f := &userFinder{set: tenant.users, s: s, t: tenant}
			want := f.scanNewest(-1)
			if len(want) == 0 || f.count() != len(want) {
				t.Errorf("count %d, want %d", f.count(), len(want))
			}
			for _, top := range []int{1, 20, 100, 1000, 6000} {
				got := f.newestMatches(top)
				if len(got) < min(top, len(want)) || !slices.Equal(got, want[:len(got)]) {
					t.Errorf("the top %d are not the first of all", top)
				}
				if n := len(got); n < len(want) && want[n].created == want[n-1].created {
					t.Errorf("the top %d end within a tie", top)
				}
			}
		})
	}
}

// TestAScanIsNotRememberedBeyondAWrite looks for users by name, again and again,
// while they are written.
func TestAScanIsNotRememberedBeyondAWrite(t *testing.T) {
	t.Parallel()
	tenant := Generate(Options{Users: 50})
	found := func(raw string) (ids []string) {
		s, err := parseSearch(append(parseQuery(raw), parseQuery("isCaseSensitive=true")...), userSearchFields())
		if err != nil {
			t.Fatal(err)
		}
		f := &userFinder{set: tenant.users, s: s, t: tenant}
		for _, u := range f.newestMatches(-1) {
			ids = append(ids, u.id())
		}
		if n := f.count(); n != len(ids) {
			t.Errorf("count %d of %d", n, len(ids))
		}
		return ids
	}
	id := tenant.users.byID[7].id()
	const one, other = "search.name=Zaphod%25", "search.name=%25Beeble%25"
	see := func(when, query string, want ...string) {
		for range 2 {
			if got := found(query); !slices.Equal(got, want) {
				t.Errorf("%s: %s finds %v, want %v", when, query, got, want)
			}
		}
	}
	write := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	see("before", one)
	write(tenant.Update("users", id, Row{"name": "Zaphod"}))
	see("renamed", one, id)
	see("another search", other)
	write(tenant.Update("users", id, Row{"name": "Beeblebrox"}))
	see("renamed again", one)
	see("renamed again", other, id)
	write(tenant.DeleteUsers(id))
	see("deleted", other)
}
