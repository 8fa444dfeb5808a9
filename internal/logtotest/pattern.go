package logtotest

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// like is SQL's LIKE, or ILIKE when not sensitive.
func like(pattern string, sensitive bool) func(string) bool {
	if !sensitive {
		pattern = strings.ToLower(pattern)
	}
	return func(s string) bool {
		if !sensitive {
			s = strings.ToLower(s)
		}
		return likeMatch(pattern, s)
	}
}

// likeMatch goes back to the last % only, which is enough: an earlier one could
// match nothing the last one cannot.
func likeMatch(p, s string) bool {
	afterP, afterS := -1, 0
	i, j := 0, 0
	for j < len(s) {
		size := 1
		if s[j] >= utf8.RuneSelf {
			_, size = utf8.DecodeRuneInString(s[j:])
		}
		switch {
		case i < len(p) && p[i] == '%':
			i++
			afterP, afterS = i, j
			continue
		case i < len(p) && p[i] == '_':
			i++
			j += size
			continue
		case i+1 < len(p) && p[i] == '\\' && p[i+1] == s[j]:
			i += 2
			j++
			continue
		case i < len(p) && p[i] != '\\' && p[i] == s[j]:
			i++
			j++
			continue
		}
		if afterP < 0 {
			return false
		}
		_, size = utf8.DecodeRuneInString(s[afterS:])
		afterS += size
		i, j = afterP, afterS
	}
	return strings.Trim(p[i:], "%") == ""
}

// similarToRegexp turns a SIMILAR TO pattern into a regular expression.
func similarToRegexp(pattern string) string {
	var b strings.Builder
	b.WriteString("^(?s:")
	class := false
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		switch {
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteByte('\\')
			b.WriteByte(pattern[i])
		case class:
			class = c != ']'
			b.WriteByte(c)
		case c == '[':
			class = true
			b.WriteByte(c)
		case c == '%':
			b.WriteString(".*")
		case c == '_':
			b.WriteByte('.')
		case strings.IndexByte(".^$", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String() + ")$"
}

// An idBounds is all ids from from up to, not including, to ("" is no end).
type idBounds struct{ from, to string }

// likeIDBounds reads ab% as a range; nil where the pattern is not of that form.
func likeIDBounds(p string) []idBounds {
	prefix, found := strings.CutSuffix(p, "%")
	if strings.ContainsAny(prefix, `%_\`) {
		return nil
	}
	if !found {
		return []idBounds{{p, p + "\x00"}}
	}
	return []idBounds{{prefix, prefixUpperBound(prefix)}}
}

// prefixUpperBound is the least string greater than everything with this prefix.
func prefixUpperBound(prefix string) string {
	b := []byte(prefix)
	for len(b) > 0 {
		if b[len(b)-1]++; b[len(b)-1] != 0 {
			return string(b)
		}
		b = b[:len(b)-1]
	}
	return ""
}

// maxRanges bounds what posixIDBounds spells out.
const maxRanges = 4096

// posixIDBounds reads ^ab[0-7][^c], or several such in ^(ab|c[0-3]), as ranges;
// nil where the expression is not made of sequences of letters, digits and
// classes from the beginning.
func posixIDBounds(p string) []idBounds {
	rest, found := strings.CutPrefix(p, "^")
	if !found {
		return nil
	}
	alternatives := []string{rest}
	if inner, ok := strings.CutPrefix(rest, "("); ok {
		if inner, ok = strings.CutSuffix(inner, ")"); !ok {
			return nil
		}
		alternatives = strings.Split(inner, "|")
	}
	var all []idBounds
	for _, a := range alternatives {
		ranges := regexpSequenceIDBounds(a)
		if ranges == nil || len(all)+len(ranges) > maxRanges {
			return nil
		}
		all = append(all, ranges...)
	}
	return mergeIDBounds(all)
}

// mergeIDBounds sorts ranges and joins those that overlap or touch: no id may be
// found twice.
func mergeIDBounds(ranges []idBounds) []idBounds {
	slices.SortFunc(ranges, func(a, b idBounds) int { return strings.Compare(a.from, b.from) })
	out := ranges[:0]
	for _, r := range ranges {
		last := len(out) - 1
		switch {
		case last < 0 || out[last].to != "" && out[last].to < r.from:
			out = append(out, r)
		case out[last].to != "" && (r.to == "" || r.to > out[last].to):
			out[last].to = r.to
		}
	}
	return out
}

// regexpSequenceIDBounds reads a sequence of letters, digits and classes.
func regexpSequenceIDBounds(rest string) []idBounds {
	ranges := []idBounds{{"", ""}}
	for rest != "" {
		spans, n := parseRegexpAtom(rest)
		if n == 0 {
			return nil
		}
		rest = rest[n:]
		if len(ranges)*len(spans) > maxRanges {
			return nil
		}
		last := rest == ""
		var next []idBounds
		for _, r := range ranges {
			for _, span := range spans {
				if last {
					next = append(next, idBounds{r.from + string([]byte{span[0]}), prefixUpperBound(r.from + string([]byte{span[1]}))})
					continue
				}
				if int(span[1])-int(span[0])+len(next) > maxRanges {
					return nil
				}
				for c := int(span[0]); c <= int(span[1]); c++ {
					if c >= utf8.RuneSelf {
						return nil // a class of letters of several bytes: only at the end
					}
					next = append(next, idBounds{from: r.from + string([]byte{byte(c)})})
				}
			}
		}
		ranges = next
	}
	return ranges
}

// parseRegexpAtom reads one letter or class at the beginning of p, as spans of bytes,
// and says how long it is; 0 is something else.
func parseRegexpAtom(p string) (spans [][2]byte, n int) {
	end := strings.IndexByte(p, ']')
	switch {
	case p[0] != '[':
		end = 0
	case end < 2:
		return nil, 0
	}
	if len(p) > end+1 && strings.IndexByte("*+?{|", p[end+1]) >= 0 {
		return nil, 0
	}
	if end == 0 {
		if !isRegexpLiteralByte(p[0]) {
			return nil, 0
		}
		return [][2]byte{{p[0], p[0]}}, 1
	}
	inner, negated := strings.CutPrefix(p[1:end], "^")
	in, ok := classBytes(inner)
	if !ok {
		return nil, 0
	}
	for c := range 256 {
		if in[c] == negated {
			continue
		}
		if k := len(spans); k > 0 && int(spans[k-1][1]) == c-1 {
			spans[k-1][1] = byte(c)
		} else {
			spans = append(spans, [2]byte{byte(c), byte(c)})
		}
	}
	return spans, end + 1
}

// isRegexpLiteralByte tells what stands for itself in a regular expression.
func isRegexpLiteralByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '-'
}

// classBytes reads what is between the brackets: single bytes and ranges.
func classBytes(inner string) (in [256]bool, ok bool) {
	for i := 0; i < len(inner); i++ {
		from, to := inner[i], inner[i]
		if i+2 < len(inner) && inner[i+1] == '-' {
			to = inner[i+2]
			i += 2
		}
		if !isRegexpLiteralByte(from) || !isRegexpLiteralByte(to) || from > to {
			return in, false
		}
		for c := int(from); c <= int(to); c++ {
			in[c] = true
		}
	}
	return in, inner != ""
}
