package config

import (
	"reflect"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"
)

// fieldIndexByKey maps the keys of a mapping to the fields of the struct they fill.
func fieldIndexByKey(t reflect.Type) map[string]int {
	keys := map[string]int{}
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); name != "-" {
			keys[name] = i
		}
	}
	return keys
}

// keyNames returns the same keys in the order of the fields.
func keyNames(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		if name, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// shownKey is a key as problems may show it: cut at the first character that no key
// has, since what follows may be a secret whose space was forgotten.
func shownKey(key string) string {
	known := regexp.MustCompile(`^(<<|[A-Za-z0-9_-]{0,40})`).FindString(key)
	if known != key {
		return known + "…"
	}
	return key
}

// describeType says how a value of type t is written in the file.
func describeType(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Limit]():
		return `"none" or {requests: 200, per: 10s}`
	case t == reflect.TypeFor[Selection]():
		return "all or a list of names"
	case t == reflect.TypeFor[Rule]():
		return wantRule
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Map:
		return "a mapping of tables, such as users, to their columns"
	case t.Kind() == reflect.Map:
		return "a mapping of columns, such as primary_email, to their rules"
	case t.Kind() == reflect.Struct:
		return "a mapping with " + strings.Join(keyNames(t), ", ")
	case t.Kind() == reflect.Slice:
		return "a list of at least one"
	case t.Kind() == reflect.Int64:
		return "a duration such as 10s"
	case t.Kind() == reflect.Int:
		return "a whole number"
	}
	return "text"
}

// describeField is describeType with what the meaning of the field at path adds.
func describeField(path string, t reflect.Type) string {
	switch regexp.MustCompile(`\[\d+\]`).ReplaceAllString(path, "") {
	case "tenants.name", "jobs.name":
		return wantName
	case "tenants.endpoint":
		return wantEndpoint
	case "tenants.app_id":
		return "the id of a machine-to-machine application"
	case "tenants.app_secret":
		return "the secret of the machine-to-machine application"
	case "serve.webhook.hooks.signing_key":
		return "the webhook's signing key"
	case "database":
		return wantDatabase
	}
	return describeType(t)
}

// kindOf says what a node is without showing its value: text in place of a mapping
// may be "app_secret:…" without its space.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null":
		return "nothing"
	}
	return "text"
}

// nameHint suggests the known name nearest to what was written, or lists them all
// if none is near.
func nameHint(have string, known []string) string {
	if best := nearest(have, known); best != "" {
		return "did you mean " + best + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}

// nearest returns the known name that is most like have; empty if none is.
func nearest(have string, known []string) string {
	best, least := "", len(have)/3+2
	for _, name := range known {
		if n := distance(normalizeName(have), normalizeName(name)); n < least {
			best, least = name, n
		}
	}
	return best
}

// normalizeName makes appId, app-id and app_id equal.
func normalizeName(name string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
}

// distance is the number of letters to insert, delete or replace (Levenshtein)
// between a and b, whose bytes stand for letters.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
