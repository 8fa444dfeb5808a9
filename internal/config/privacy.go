package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Privacy says which columns are not stored, or not as they are. After a change the
// next run rewrites the stored rows, including history.
type Privacy struct {
	// Key of the hashes, 16 bytes or more; required if a rule says hash. Take it from
	// the environment and keep it: with another key all hashes change.
	Key Secret `yaml:"key,omitempty"`
	// Rules by table and column: drop stores nothing; hash stores a keyed hash of a
	// text, so that joins and counts still work; {keep: [plan]} stores only these paths
	// of JSON. Keys, references and the columns syncer decides by cannot have rules.
	Tables map[string]map[string]Rule `yaml:"tables,omitempty"`
}

// A Rule says what is stored of a column. Exactly one of its fields is set.
type Rule struct {
	// Store nothing.
	Drop bool `yaml:"-"`
	// Store a keyed hash.
	Hash bool `yaml:"-"`
	// Store these paths of a JSON object and nothing else of it, for example
	// [plan, address.country].
	Keep []string `yaml:"keep" jsonschema:"minItems=1"`
}

const (
	wantRule = "drop, hash or {keep: [path, …]}"
	// minKeyLength keeps the key from being guessed.
	minKeyLength = 16
)

// rule reads a rule in either of its forms.
func (d *decoder) rule(path string, n *yaml.Node, v *Rule) {
	if n.Kind == yaml.MappingNode {
		d.mapping(path, n, reflect.ValueOf(v).Elem())
		return
	}
	text, ok := d.scalarText(path, n, wantRule)
	v.Drop, v.Hash = ok && text == "drop", ok && text == "hash"
	d.reportUnless(v.Drop || v.Hash, path, wantRule, "without a rule the column is stored as it is")
}

// nameMap fills the map v, whose keys are names of tables or of columns.
func (d *decoder) nameMap(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.report(path, "must be "+describeType(v.Type())+", is "+kindOf(n), "")
		return
	}
	form := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	first := map[string]int{} // key -> line
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i], join(path, shownKey(n.Content[i].Value))
		line, again := first[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !form.MatchString(key.Value):
			d.reportAt(key, at, "must be a name of lower-case letters, digits and _", "names are those of the mirror, such as primary_email")
			continue
		case again:
			d.reportAt(key, at, fmt.Sprintf("is set twice, also on line %d", line), "")
			continue
		}
		first[key.Value] = key.Line
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(at, n.Content[i+1], value)
		if !d.fieldAt(at).set && !d.fieldAt(at).bad {
			d.report(at, "is empty, must be "+describeType(v.Type().Elem()), "")
		}
		v.SetMapIndex(reflect.ValueOf(key.Value), value)
	}
}

func checkPrivacy(d *decoder, p *Privacy) {
	hashed := ""
	for _, table := range slices.Sorted(maps.Keys(p.Tables)) {
		for _, column := range slices.Sorted(maps.Keys(p.Tables[table])) {
			rule := p.Tables[table][column]
			if rule.Hash && hashed == "" {
				hashed = table + "." + column
			}
			checkKeptPaths(d, join(join(join("privacy.tables", table), column), "keep"), rule.Keep)
		}
	}
	switch key := d.fieldAt("privacy.key"); {
	case key.bad:
	case hashed != "" && !key.set:
		d.report("privacy.key", fmt.Sprintf("is not set, but %s is hashed: must be a key of %d bytes or more", hashed, minKeyLength),
			"create one with openssl rand -hex 32, and write key: ${SYNCER_PRIVACY_KEY}")
	case key.set && len(p.Key) < minKeyLength:
		d.report("privacy.key", fmt.Sprintf("must be %d bytes or more, is shorter", minKeyLength), "create one with openssl rand -hex 32")
	}
}

// checkKeptPaths reports invalid paths, and a path within another: one of the two
// would have no effect.
func checkKeptPaths(d *decoder, path string, keep []string) {
	for i, field := range keep {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !d.isValid(at) {
			continue
		}
		if slices.Contains(strings.Split(field, "."), "") {
			d.report(at, "must be a path such as plan or address.country, is "+d.shownValue(at), "")
			continue
		}
		within := func(outer string) bool { return strings.HasPrefix(field, outer+".") }
		if j := slices.IndexFunc(keep, within); j >= 0 {
			d.report(at, fmt.Sprintf("is within keep[%d]", j), "keep the outer path, or only the inner ones")
		}
	}
}
