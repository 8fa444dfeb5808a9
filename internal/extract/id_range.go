package extract

import (
	"errors"
	"fmt"
	"math/bits"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Logto makes ids of these characters (nanoid). An id with any other, put there
// by an import, is irregular.
const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"

// maxDepth bounds the depth of an idRange: 36^11 fits in 63 bits.
const maxDepth = 11

// An idRange is a set of ids that one search of the Management API can name.
// Read as a number of base 36, the first depth characters of its ids are in
// [lo, hi); at depth zero that is every id. Where irregular is not zero, the range
// holds only those of them that are irregular, or end, within the next irregular
// characters: what is left over when the range is divided at that depth.
type idRange struct {
	depth     int
	lo, hi    uint64
	irregular int
}

var everyID = idRange{depth: 0, lo: 0, hi: 1}

// prefixCountAtDepth returns 36^depth, the number of prefixes of that depth.
func prefixCountAtDepth(depth int) uint64 {
	n := uint64(1)
	for range depth {
		n *= uint64(len(alphabet))
	}
	return n
}

// prefixNumber reads the first depth characters of id as a number. It reports false
// where the id is irregular or too short.
func prefixNumber(id string, depth int) (uint64, bool) {
	if len(id) < depth {
		return 0, false
	}
	var n uint64
	for i := range depth {
		digit := strings.IndexByte(alphabet, id[i])
		if digit < 0 {
			return 0, false
		}
		n = n*uint64(len(alphabet)) + uint64(digit)
	}
	return n, true
}

// encodePrefix writes a number as the depth characters it stands for.
func encodePrefix(n uint64, depth int) string {
	b := make([]byte, depth)
	for i := depth - 1; i >= 0; i-- {
		b[i] = alphabet[n%uint64(len(alphabet))]
		n /= uint64(len(alphabet))
	}
	return string(b)
}

// contains reports whether the id is in the range.
func (r idRange) contains(id string) bool {
	n, ok := prefixNumber(id, r.depth)
	if !ok || n < r.lo || n >= r.hi {
		return false
	}
	_, even := prefixNumber(id, r.depth+r.irregular)
	return r.irregular == 0 || !even
}

// name identifies the range in checkpoints and messages.
func (r idRange) name() string {
	return fmt.Sprintf("ids:%d:%s-%s:%d", r.depth, strconv.FormatUint(r.lo, 36), strconv.FormatUint(r.hi, 36), r.irregular)
}

// parseIDRange reads what name wrote.
func parseIDRange(name string) (r idRange, ok bool) {
	fields := strings.FieldsFunc(name, func(c rune) bool { return c == ':' || c == '-' })
	if len(fields) != 5 || fields[0] != "ids" {
		return idRange{}, false
	}
	depth, err1 := strconv.Atoi(fields[1])
	lo, err2 := strconv.ParseUint(fields[2], 36, 64)
	hi, err3 := strconv.ParseUint(fields[3], 36, 64)
	irregular, err4 := strconv.Atoi(fields[4])
	r = idRange{depth: depth, lo: lo, hi: hi, irregular: irregular}
	return r, errors.Join(err1, err2, err3, err4) == nil
}

// parseIDRanges reads names from a checkpoint.
func parseIDRanges(names []string) ([]idRange, error) {
	ranges := make([]idRange, len(names))
	for i, name := range names {
		var ok bool
		if ranges[i], ok = parseIDRange(name); !ok {
			return nil, fmt.Errorf("the checkpoints of this run are not this program's: %q is no range of ids", name)
		}
	}
	return ranges, nil
}

// bounds returns byte bounds [from, to) around all ids of the range; an empty
// to has no end. Odd ids may lie within that are not in the range.
func (r idRange) bounds() (from, to string) {
	if r.depth == 0 {
		return "", ""
	}
	last := encodePrefix(r.hi-1, r.depth)
	return encodePrefix(r.lo, r.depth), last[:len(last)-1] + string(last[len(last)-1]+1)
}

// query names the range in the search parameters of the Management API. A
// POSIX regular expression is matched by Postgres, case-sensitively.
func (r idRange) query() url.Values {
	if r == everyID {
		return url.Values{}
	}
	return url.Values{
		"mode.id": {"posix"}, "isCaseSensitive": {"true"}, "search.id": {r.regexp()},
	}
}

// regexp matches the ids of the range and no others.
func (r idRange) regexp() string {
	pattern := "^"
	if r.depth > 0 {
		alternatives := r.alternatives(r.depth, r.lo, r.hi)
		pattern += strings.Join(alternatives, "|")
		if len(alternatives) > 1 {
			pattern = "^(" + pattern[1:] + ")"
		}
	}
	if r.irregular > 0 {
		pattern += fmt.Sprintf("[0-9a-z]{0,%d}([^0-9a-z]|$)", r.irregular-1)
	}
	return pattern
}

// alternatives covers [lo, hi) of a depth by as few prefixes with one class
// behind them as there are.
func (r idRange) alternatives(depth int, lo, hi uint64) []string {
	base := uint64(len(alphabet))
	rest := strings.Repeat("[0-9a-z]", r.depth-depth)
	if lo >= hi {
		return nil
	}
	if depth == 1 {
		return []string{regexpCharClass(lo, hi) + rest}
	}
	if lo/base == (hi-1)/base { // all below one prefix
		if hi-lo == base {
			return r.alternatives(depth-1, lo/base, hi/base)
		}
		return []string{encodePrefix(lo/base, depth-1) + regexpCharClass(lo%base, (hi-1)%base+1) + rest}
	}
	up, down := (lo+base-1)/base, hi/base
	var out []string
	if lo < up*base {
		out = append(out, r.alternatives(depth, lo, up*base)...)
	}
	out = append(out, r.alternatives(depth-1, up, down)...)
	if down*base < hi {
		out = append(out, r.alternatives(depth, down*base, hi)...)
	}
	return out
}

// regexpCharClass is the bracket expression of the digits in [lo, hi).
func regexpCharClass(lo, hi uint64) string {
	const letters = 10 // digits before the first letter
	switch {
	case hi-lo == 1:
		return alphabet[lo:hi]
	case lo == 0 && hi == uint64(len(alphabet)):
		return "[0-9a-z]"
	case lo < letters && hi > letters:
		return "[" + regexpCharRange(lo, letters) + regexpCharRange(letters, hi) + "]"
	}
	return "[" + regexpCharRange(lo, hi) + "]"
}

func regexpCharRange(lo, hi uint64) string {
	if hi-lo == 1 {
		return alphabet[lo:hi]
	}
	return string(alphabet[lo]) + "-" + string(alphabet[hi-1])
}

// divideEvenly cuts the range into n subranges of equal width, and the irregular range where
// there is one. It goes so deep that the widths differ by little.
func (r idRange) divideEvenly(n int) []idRange {
	depth, lo, hi := r.depth, r.lo, r.hi
	for hi-lo < uint64(n)*uint64(len(alphabet)) && depth < maxDepth {
		depth, lo, hi = depth+1, lo*uint64(len(alphabet)), hi*uint64(len(alphabet))
	}
	var subranges []idRange
	width := hi - lo
	for i := range uint64(n) {
		subrange := idRange{depth: depth, lo: lo + mulDiv(width, i, uint64(n)), hi: lo + mulDiv(width, i+1, uint64(n))}
		if subrange.lo < subrange.hi {
			subranges = append(subranges, subrange)
		}
	}
	return append(subranges, r.irregularSubrange(depth)...)
}

// mulDiv returns width*i/n for i <= n. The product may need more than 64 bits:
// a range as deep as maxDepth allows, divided by 158, would wrap around, and its
// subranges would overlap.
func mulDiv(width, i, n uint64) uint64 {
	high, low := bits.Mul64(width, i)
	quotient, _ := bits.Div64(high, low, n)
	return quotient
}

// divideBySample cuts the range so that about as many of the sample's ids are in
// each of n subranges: where ids are not random, equal widths would go astray.
func (r idRange) divideBySample(sample []string, n int) []idRange {
	ids := slices.DeleteFunc(slices.Clone(sample), func(id string) bool {
		_, even := prefixNumber(id, min(len(id), maxDepth))
		return !even
	})
	slices.Sort(ids)
	if len(ids) < n {
		return r.divideEvenly(n)
	}
	for depth := r.depth; depth <= maxDepth; depth++ {
		cuts := r.cutPoints(ids, depth, n)
		if len(cuts) < n-1 && depth < maxDepth {
			continue // the sample does not differ enough at this depth
		}
		scale := prefixCountAtDepth(depth - r.depth)
		subranges, lo := []idRange(nil), r.lo*scale
		for _, cut := range append(cuts, r.hi*scale) {
			subranges = append(subranges, idRange{depth: depth, lo: lo, hi: cut})
			lo = cut
		}
		return append(subranges, r.irregularSubrange(depth)...)
	}
	return nil
}

// cutPoints returns where to cut at a depth so that the ids fall into n subranges;
// fewer where they do not differ at this depth.
func (r idRange) cutPoints(ids []string, depth, n int) []uint64 {
	scale := prefixCountAtDepth(depth - r.depth)
	var cuts []uint64
	last := r.lo * scale
	for i := 1; i < n; i++ {
		cut, ok := prefixNumber(ids[i*len(ids)/n], depth)
		if ok && cut > last && cut < r.hi*scale {
			cuts = append(cuts, cut)
			last = cut
		}
	}
	return cuts
}

// irregularSubrange returns what the subranges at a greater depth do not
// cover: nothing at the same depth.
func (r idRange) irregularSubrange(depth int) []idRange {
	if depth == r.depth {
		return nil
	}
	return []idRange{{depth: r.depth, lo: r.lo, hi: r.hi, irregular: depth - r.depth}}
}
