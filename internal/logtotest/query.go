package logtotest

import (
	"net/url"
	"strings"
)

// A query is the parameters of a request in the order they were sent, which
// matters for Link and for search.
type query []queryParameter

type queryParameter struct{ key, value string }

func parseQuery(raw string) query {
	var q query
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		q = append(q, queryParameter{unescapeQuery(k), unescapeQuery(v)})
	}
	return q
}

func unescapeQuery(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
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

// isTrue reads a flag as the server does.
func (q query) isTrue(key string) bool {
	switch strings.ToLower(q.get(key)) {
	case "1", "true", "y", "yes", "yep", "yeah":
		return true
	}
	return false
}

// linkQueryParts is the query as Link repeats it, before and after the number of the
// page: values of one key are joined by commas.
func (q query) linkQueryParts() (before, after string) {
	var keys []string
	values := map[string][]string{}
	for _, p := range q {
		if values[p.key] == nil {
			keys = append(keys, p.key)
		}
		values[p.key] = append(values[p.key], p.value)
	}
	if values["page"] == nil {
		keys = append(keys, "page")
	}
	part := &before
	for i, k := range keys {
		if i > 0 {
			*part += "&"
		}
		*part += formEscape(k) + "="
		if k == "page" {
			part = &after
			continue
		}
		*part += formEscape(strings.Join(values[k], ","))
	}
	return before, after
}

// formEscape escapes as URLSearchParams does.
func formEscape(s string) string {
	s = url.QueryEscape(s)
	return strings.ReplaceAll(strings.ReplaceAll(s, "%2A", "*"), "~", "%7E")
}
