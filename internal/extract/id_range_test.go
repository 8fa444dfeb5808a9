package extract

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// anyID draws ids as Logto makes them, and odd ones.
func anyID() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[0-9a-z]{12}`),
		rapid.StringMatching(`[0-9a-z]{0,4}`),
		rapid.StringMatching(`[0-9a-zA-Z_\-]{1,12}`),
		rapid.StringMatching(`user0[0-9]{3}`),
		rapid.String(),
	)
}

func anyRange(t *rapid.T) idRange {
	r := everyID
	for range rapid.IntRange(0, 3).Draw(t, "divisions") {
		var parts []idRange
		if rapid.Bool().Draw(t, "by sample") {
			parts = r.divideBySample(rapid.SliceOfN(anyID(), 1, 20).Draw(t, "sample"), rapid.IntRange(2, 8).Draw(t, "parts"))
		} else {
			parts = r.divideEvenly(rapid.IntRange(2, 50).Draw(t, "parts"))
		}
		next := rapid.SampledFrom(parts).Draw(t, "part")
		if next.irregular > 0 || next.depth >= maxDepth-2 {
			return next
		}
		r = next
	}
	return r
}

func TestARangeIsWhatItsRegularExpressionMatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, id := anyRange(t), anyID().Draw(t, "id")
		matches := regexp.MustCompile("(?s)" + r.regexp()).MatchString(id)
		if matches != r.contains(id) {
			t.Fatalf("%s: %q matches %s: %v, is contained: %v", r.name(), id, r.regexp(), matches, r.contains(id))
		}
	})
}

func TestTheBoundsOfARangeEncloseIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, id := anyRange(t), anyID().Draw(t, "id")
		from, to := r.bounds()
		if r.contains(id) && (id < from || to != "" && id >= to) {
			t.Fatalf("%s contains %q, but its bounds are [%q, %q)", r.name(), id, from, to)
		}
	})
}

func TestEveryIDOfARangeIsInExactlyOneOfItsParts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRange(t)
		if r.irregular > 0 {
			return
		}
		parts := r.divideEvenly(rapid.IntRange(2, 300).Draw(t, "parts"))
		if rapid.Bool().Draw(t, "by sample") {
			parts = r.divideBySample(rapid.SliceOfN(anyID(), 1, 100).Draw(t, "sample"), rapid.IntRange(2, 32).Draw(t, "parts"))
		}
		id := anyID().Draw(t, "id")
		n := 0
		for _, part := range parts {
			if part.contains(id) {
				n++
			}
		}
		if want := map[bool]int{true: 1}[r.contains(id)]; n != want {
			t.Fatalf("%q is in %d parts of %s, want %d: %v", id, n, r.name(), want, parts)
		}
	})
}

// Their product needs more than 64 bits: 36^11, as deep as ranges go, times 158.
func TestTheSubrangesOfTheWidestRangeDoNotOverlap(t *testing.T) {
	t.Parallel()
	r := idRange{depth: maxDepth, lo: 0, hi: prefixCountAtDepth(maxDepth)}
	for _, n := range []int{2, 141, 142, 158, 100_000} {
		at := r.lo
		for _, subrange := range r.divideEvenly(n) {
			if subrange.lo != at {
				t.Fatalf("divided by %d, a subrange begins at %d, want %d, where the last one ended", n, subrange.lo, at)
			}
			at = subrange.hi
		}
		if at != r.hi {
			t.Errorf("divided by %d, the subranges end at %d, want %d", n, at, r.hi)
		}
	}
}

func TestTheNameOfARangeIsReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := anyRange(t)
		if got, ok := parseIDRange(r.name()); !ok || got != r {
			t.Fatalf("parseRange(%q) = %v, %v, want %v", r.name(), got, ok, r)
		}
	})
}

func TestRangesOfATenantAreShortToName(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		r    idRange
		want string
	}{
		"one prefix":                {idRange{depth: 2, lo: 371, hi: 372}, "^ab"},
		"a class":                   {idRange{depth: 2, lo: 360, hi: 364}, "^a[0-3]"},
		"across the letters":        {idRange{depth: 1, lo: 8, hi: 13}, "^[8-9a-c]"},
		"across prefixes":           {idRange{depth: 2, lo: 393, hi: 400}, "^(a[x-z]|b[0-3])"},
		"odd ids of all":            {idRange{hi: 1, irregular: 1}, "^[0-9a-z]{0,0}([^0-9a-z]|$)"},
		"odd ids behind one prefix": {idRange{depth: 1, lo: 10, hi: 11, irregular: 2}, "^a[0-9a-z]{0,1}([^0-9a-z]|$)"},
	} {
		if got := tc.r.regexp(); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
