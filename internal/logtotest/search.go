package logtotest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A search is the search family of a request, compiled.
type search struct {
	matches   []searchCondition
	and       bool
	sensitive bool
}

// A searchCondition is one condition: one of the values, in one of the fields.
type searchCondition struct {
	fields []string
	mode   string
	values []string
	test   func(string) bool
	ranges []idBounds // what a match of the id alone amounts to, nil when that is not known
}

// searchError is a mistake in the parameters; the text is the server's.
type searchError string

func (e searchError) Error() string { return string(e) }

// parseSearch reads the search family. fields are the columns that may be
// searched, in the server's order.
func parseSearch(q query, fields []string) (search, error) {
	s := search{sensitive: q.isTrue("isCaseSensitive")}
	joint := q.get("joint")
	if joint == "" {
		joint = q.get("jointMode")
	}
	if joint != "" && joint != "and" && joint != "or" {
		return s, searchError(fmt.Sprintf("Search joint mode `%s` is not valid, expect one of or, and.", joint))
	}
	s.and = joint == "and"
	modes, values, order, err := collectSearchParams(q)
	if err != nil {
		return s, err
	}
	for _, field := range order {
		mode, ok := modes[field]
		if !ok {
			mode, ok = modes[""]
		}
		if !ok {
			mode = "like"
		}
		if mode != "exact" && len(values[field]) > 1 {
			return s, searchError("Only one search value is allowed when search mode is not `exact`.")
		}
		if slices.Contains(values[field], "") {
			return s, searchError("Search value cannot be empty.")
		}
		s.matches = append(s.matches, searchCondition{fields: []string{field}, mode: mode, values: values[field]})
	}
	for i := range s.matches {
		if err := s.matches[i].compile(fields, s.sensitive); err != nil {
			return s, err
		}
	}
	return s, nil
}

// collectSearchParams collects modes and values by field, "" being the general one.
func collectSearchParams(q query) (modes map[string]string, values map[string][]string, order []string, err error) {
	modes, values = map[string]string{}, map[string][]string{}
	for _, p := range q {
		isMode := strings.HasPrefix(p.key, "mode")
		if !isMode && !strings.HasPrefix(p.key, "search") {
			continue
		}
		path := strings.Split(p.key, ".")
		if len(path) > 2 {
			return nil, nil, nil, searchError(fmt.Sprintf(
				"Unsupported nested search field path `%s` detected. Only the first level field is supported.", strings.Join(path[1:], ".")))
		}
		field := strings.Join(path[1:], "")
		if !isMode {
			if _, again := values[field]; !again {
				order = append(order, field)
			}
			values[field] = append(values[field], p.value)
			continue
		}
		if !slices.Contains([]string{"like", "exact", "similar_to", "posix"}, p.value) {
			of := ""
			if field != "" {
				of = " for field `" + field + "`"
			}
			return nil, nil, nil, searchError(fmt.Sprintf(
				"Search match mode `%s`%s is not valid, expect one of exact, like, similar_to, posix.", p.value, of))
		}
		modes[field] = p.value
	}
	return modes, values, order, nil
}

func (m *searchCondition) compile(fields []string, sensitive bool) error {
	field := snake(m.fields[0])
	switch {
	case field == "":
		m.fields = fields
	case !slices.Contains(fields, field):
		return searchError(fmt.Sprintf("Search field `%s` is not valid, expect one of %s.", field, strings.Join(fields, ", ")))
	default:
		m.fields = []string{field}
	}
	value := m.values[0]
	switch m.mode {
	case "exact":
		m.test = equalsAny(m.values, sensitive)
	case "like":
		m.test = like(value, sensitive)
		if sensitive {
			m.ranges = likeIDBounds(value)
		}
	case "similar_to":
		if !sensitive {
			return searchError("Cannot use case-insensitive match for `similar to`.")
		}
		return m.compileRegexp(similarToRegexp(value))
	case "posix":
		if sensitive {
			m.ranges = posixIDBounds(value)
		} else {
			value = "(?i)" + value
		}
		return m.compileRegexp(value)
	}
	return nil
}

// errPattern is a regular expression the database refuses: a plain 500.
const errPattern = searchError("")

func (m *searchCondition) compileRegexp(pattern string) error {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return errPattern
	}
	m.test = re.MatchString
	return nil
}

func equalsAny(values []string, sensitive bool) func(string) bool {
	set := make(map[string]bool, len(values))
	for _, v := range values {
		if !sensitive {
			v = strings.ToLower(v)
		}
		set[v] = true
	}
	return func(s string) bool {
		if !sensitive {
			s = strings.ToLower(s)
		}
		return set[s]
	}
}

// accepts tells if something is found; get returns a column's text, false for
// null. No condition at all accepts everything.
func (s *search) accepts(get func(col string) (string, bool)) bool {
	for i := range s.matches {
		m := &s.matches[i]
		hit := slices.ContainsFunc(m.fields, func(col string) bool {
			text, ok := get(col)
			return ok && m.test(text)
		})
		if hit != s.and {
			return hit
		}
	}
	return s.and || len(s.matches) == 0
}

// cacheKey is the same for searches that find the same.
func (s *search) cacheKey() string {
	key := fmt.Append(nil, s.and, s.sensitive)
	for _, m := range s.matches {
		key = fmt.Appendf(key, " %s %q %q", m.mode, m.fields, m.values)
	}
	return string(key)
}

// searchErrorAnswer turns an error of parseSearch into what the server says.
func searchErrorAnswer(err error) answer {
	if errors.Is(err, errPattern) {
		return internalError()
	}
	return badSearch(err.Error())
}
