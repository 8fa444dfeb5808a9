package logtotest

import (
	"net/url"
	"strings"
)

// A query is the parameters of a request in the order they were sent, which
// matters for Link and for search.
type query []struct{ key, value string }

func parseQuery(raw string) query {
	var q query
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		q = append(q, struct{ key, value string }{unescape(k), unescape(v)})
	}
	return q
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// get is the first value of a key, "" for none.
func (q query) get(key string) string {
	for _, p := range q {
		if p.key == key {
			return p.value
		}
	}
	return ""
}

func (q query) has(key string) bool { return len(q.all(key)) > 0 }

func (q query) all(key string) []string {
	var vs []string
	for _, p := range q {
		if p.key == key {
			vs = append(vs, p.value)
		}
	}
	return vs
}

// yes reads a flag as the server does.
func (q query) yes(key string) bool {
	switch strings.ToLower(q.get(key)) {
	case "1", "true", "y", "yes", "yep", "yeah":
		return true
	}
	return false
}

// withPage is the query as Link repeats it: values of one key joined by commas,
// page set.
func (q query) withPage(page string) string {
	var keys []string
	values := map[string]string{}
	for _, p := range q {
		if _, again := values[p.key]; again {
			values[p.key] += "," + p.value
			continue
		}
		keys = append(keys, p.key)
		values[p.key] = p.value
	}
	if _, ok := values["page"]; !ok {
		keys = append(keys, "page")
	}
	values["page"] = page
	var b strings.Builder
	for i, k := range keys {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(formEscape(k) + "=" + formEscape(values[k]))
	}
	return b.String()
}

// formEscape escapes as URLSearchParams does.
func formEscape(s string) string {
	return strings.NewReplacer("%2A", "*", "~", "%7E").Replace(url.QueryEscape(s))
}
