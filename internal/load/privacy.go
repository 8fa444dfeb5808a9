package load

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/rawjson"
)

// A Rule says what is stored of a column. Exactly one of its fields is set.
type Rule struct {
	// Drop stores nothing: the column is null.
	Drop bool `json:"drop,omitempty"`
	// Hash stores a keyed hash of a text, so that equal values stay equal.
	Hash bool `json:"hash,omitempty"`
	// Keep stores these paths of a JSON object, such as "plan" or
	// "address.country", and nothing else of it.
	Keep []string `json:"keep,omitempty"`
}

// Privacy are the rules on what is stored, by table and column. The zero
// Privacy stores everything.
type Privacy struct {
	// Key is what hashes are keyed with. Without it nobody can tell whose
	// value a hash is of by hashing values he knows.
	Key   []byte
	Rules map[string]map[string]Rule
}

// A RuleError is what is wrong with a privacy rule.
type RuleError struct {
	Table  string
	Column string // empty: the table is not there
	Reason string
}

func (e *RuleError) Error() string {
	if e.Column == "" {
		return e.Table + ": " + e.Reason
	}
	return e.Table + "." + e.Column + ": " + e.Reason
}

// Check returns what is wrong with the rules, sorted by table and column, each
// error a *RuleError: what is not there, is a key, is of a type the rule is not
// for, or is what the program itself decides by.
func (p Privacy) Check(l *Loader) []error {
	var errs []error
	tables := map[string]*table{}
	for _, plan := range l.mappings {
		for _, t := range plan.tables() {
			tables[t.name] = t
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Rules)) {
		t := tables[name]
		if t == nil {
			errs = append(errs, &RuleError{name, "", "there is no such table"})
			continue
		}
		for _, column := range slices.Sorted(maps.Keys(p.Rules[name])) {
			if err := p.Rules[name][column].check(t, column, len(p.Key) > 0); err != nil {
				errs = append(errs, &RuleError{name, column, err.Error()})
			}
		}
	}
	return errs
}

func (r Rule) check(t *table, name string, key bool) error {
	if name == extraColumn && t.hasExtra {
		if !r.Drop {
			return fmt.Errorf("extra can only be dropped")
		}
		return nil
	}
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
	switch {
	case i < 0:
		return fmt.Errorf("there is no such column")
	case slices.Contains(t.Key, name):
		return fmt.Errorf("it is of the key, by which rows are found again")
	case slices.ContainsFunc(t.Refs, func(r catalog.Ref) bool { return r.Column == name }):
		return fmt.Errorf("it points at another table")
	case r.brokenDecision(t.name, name) != "":
		return fmt.Errorf("syncer decides by it %s", r.brokenDecision(t.name, name))
	case r.Hash && t.columns[i].kind != textKind:
		return fmt.Errorf("only text can be hashed")
	case r.Hash && !key:
		return fmt.Errorf("hashes need a key")
	case r.Keep != nil && t.columns[i].kind != jsonKind:
		return fmt.Errorf("only JSON has paths to keep")
	}
	return nil
}

// brokenDecision returns what the program could no longer decide if the rule were
// applied to a column; empty if it still can.
func (r Rule) brokenDecision(table, column string) string {
	for name, what := range catalog.PrivacyExemptColumns(table) {
		outer, path, within := strings.Cut(name, ".")
		kept := func(keep string) bool { return path == keep || strings.HasPrefix(path, keep+".") }
		switch {
		case outer != column:
		case !within:
			return what
		case r.Keep != nil && !slices.ContainsFunc(r.Keep, kept):
			return what + ", so keep " + path + ", too, or drop the column"
		}
	}
	return ""
}

// WithPrivacy returns a loader that stores what the rules allow. The rules have
// passed Check.
func (l *Loader) WithPrivacy(p Privacy) *Loader {
	private := &Loader{pool: l.pool, tenant: l.tenant, mappings: map[string]*mapping{}, shared: l.shared, privacy: p}
	for name, old := range l.mappings {
		private.mappings[name] = old.withPrivacy(p)
	}
	return private
}

func (p *mapping) withPrivacy(privacy Privacy) *mapping {
	out := *p
	out.root = p.root.withPrivacy(privacy)
	out.nested = nil
	for _, t := range p.nested {
		out.nested = append(out.nested, t.withPrivacy(privacy))
	}
	out.setShape()
	return &out
}

func (t *table) withPrivacy(p Privacy) *table {
	out := *t
	rules := p.Rules[t.name]
	out.origins = slices.Clone(t.origins)
	for i, c := range t.columns {
		if rule, ok := rules[c.name]; ok {
			out.origins[i].rule = rule
			out.origins[i].hashKey = p.Key
		}
	}
	out.dropExtra = rules[extraColumn].Drop
	out.rules = p.describeTableRules(t.name)
	return &out
}

// describeTableRules identifies the rules on a table, and the key, without showing it.
func (p Privacy) describeTableRules(table string) string {
	rules := p.Rules[table]
	if len(rules) == 0 {
		return ""
	}
	for _, rule := range rules {
		if rule.Hash {
			return privacyRuleText(rules) + " " + keyID(p.Key)
		}
	}
	return privacyRuleText(rules)
}

func privacyRuleText[T Rule | map[string]Rule](rules T) string {
	text, err := json.Marshal(rules)
	if err != nil {
		panic(err) // booleans and strings
	}
	return string(text)
}

// keyID identifies the key of hashes without showing it.
func keyID(key []byte) string { return keyedHash(key, []byte("which key")) }

// describeRule identifies the rule on a column; empty without one.
func (o *columnSource) describeRule() string {
	switch {
	case o.rule.Hash:
		return privacyRuleText(o.rule) + " " + keyID(o.hashKey)
	case o.rule.Drop || o.rule.Keep != nil:
		return privacyRuleText(o.rule)
	}
	return ""
}

// extraPrivacyRule identifies the rule on extra; empty without one.
func (t *table) extraPrivacyRule() string {
	if t.dropExtra {
		return privacyRuleText(Rule{Drop: true})
	}
	return ""
}

// hashPrefix leads stored hashes, so that none is hashed again.
const hashPrefix = "hmac-sha256:"

// HashOf returns what a hash rule stores instead of a text.
func (p Privacy) HashOf(text string) string { return keyedHash(p.Key, []byte(text)) }

// KeyID identifies the key of hashes as ParseStoredRules returns it, without showing it.
func (p Privacy) KeyID() string { return keyID(p.Key) }

func keyedHash(key, text []byte) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write(text)
	return hashPrefix + hex.EncodeToString(mac.Sum(nil))
}

// appendPrivate appends what a rule leaves of a value.
func (n *encodeNotes) appendPrivate(dst []byte, o *columnSource, value jsontext.Value) []byte {
	switch {
	case o.rule.Drop || value.Kind() == 'n':
		return appendNull(dst)
	case o.rule.Hash:
		text, _, ok := rawjson.AppendUnquoted(nil, value)
		if !ok {
			return appendNull(dst) // no text: nothing a text column would hold
		}
		return appendBytes(dst, keyedHash(o.hashKey, text))
	}
	kept := appendObjectOfPaths(nil, value, parsePaths(o.rule.Keep))
	out, _ := n.appendValue(dst, jsonKind, kept)
	return out
}

// pathTree is a tree of field names; a leaf keeps what is there.
type pathTree map[string]pathTree

func parsePaths(list []string) pathTree {
	root := pathTree{}
	for _, path := range list {
		at := root
		for name := range strings.SplitSeq(path, ".") {
			if at[name] == nil {
				at[name] = pathTree{}
			}
			at = at[name]
		}
	}
	return root
}

// appendObjectOfPaths appends the object with nothing but the paths; what is no object is an
// empty one.
func appendObjectOfPaths(dst []byte, value jsontext.Value, tree pathTree) []byte {
	if len(tree) == 0 {
		return append(dst, value...)
	}
	dst = append(dst, '{')
	if value.Kind() == '{' {
		_ = rawjson.Members(value, func(name []byte, member jsontext.Value) error {
			below, ok := tree[string(name)]
			if !ok {
				return nil
			}
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst, _ = jsontext.AppendQuote(dst, string(name))
			dst = appendObjectOfPaths(append(dst, ':'), member, below)
			return nil
		})
	}
	return append(dst, '}')
}
