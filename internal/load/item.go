package load

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/rawjson"
)

// maxKey is how long, in bytes, the id of an element within an item may be. A
// key has to fit into a page of its index: 2,704 bytes with the item's id and
// its parent's. Logto's ids have 21 characters.
const maxKey = 512

// encoding is the encoding of one item.
type encoding struct {
	*Batch
	tenant, parent, item string
}

// root encodes an item and what is nested in it, without hash and sequence.
func (e *encoding) root(item jsontext.Value) error {
	clear(e.nested)
	if err := e.tuple(0, e.plan.root, item, ""); err != nil {
		return err
	}
	for i, value := range e.nested {
		if value == nil {
			continue
		}
		if err := e.elements(i+1, e.plan.nested[i], value); err != nil {
			return fmt.Errorf("%s: %w", e.plan.nested[i].Field, err)
		}
	}
	return nil
}

// elements encodes the elements of a nested table: those of an array, or the
// members of an object.
func (e *encoding) elements(i int, t *table, value jsontext.Value) error {
	if t.members {
		return rawjson.Members(value, func(name []byte, element jsontext.Value) error {
			return e.element(i, t, element, string(name))
		})
	}
	return rawjson.Elements(value, func(element jsontext.Value) error {
		return e.element(i, t, element, "")
	})
}

func (e *encoding) element(i int, t *table, value jsontext.Value, member string) error {
	if value.Kind() != '{' || len(member) > maxKey {
		e.notes.keyless++
		return nil
	}
	return e.tuple(i, t, value, member)
}

// tuple appends one row of a table.
func (e *encoding) tuple(i int, t *table, object jsontext.Value, member string) error {
	e.values = append(e.values[:0], make([]jsontext.Value, len(t.columns))...)
	e.extra = e.extra[:0]
	err := rawjson.Members(object, func(name []byte, value jsontext.Value) error {
		e.sort(i, t, name, value)
		return nil
	})
	if err != nil {
		return errors.Join(errNoObject, err)
	}
	if i > 0 && !e.hasKey(t) {
		e.notes.keyless++
		return nil
	}
	e.rows[i]++
	fields := 2 + len(t.columns) // tenant and sequence
	if t.hasExtra {
		fields++
	}
	if i == 0 {
		fields++ // hash
	}
	dst := appendBytes(appendCount(e.bytes[i], fields), e.tenant)
	for c := range t.columns {
		if i == 0 && c == e.plan.id {
			dst = e.id(dst, t, c)
		} else {
			dst = e.field(dst, t, c, member)
		}
	}
	if t.hasExtra {
		if t.dropExtra {
			e.extra = e.extra[:0]
		}
		dst = e.appendExtra(dst)
	}
	if i > 0 {
		dst = appendInt64(dst, 0) // finish puts the sequence there
		e.ends = append(e.ends, end{i, len(dst)})
	}
	e.bytes[i] = dst
	return nil
}

// hasKey reports whether the key columns that take a field have a string that
// is short enough.
func (e *encoding) hasKey(t *table) bool {
	for c, o := range t.origins {
		if !o.key || o.field == "" {
			continue
		}
		if value := within(e.values[c], o.below); value.Kind() != '"' || len(value) > maxKey {
			return false
		}
	}
	return true
}

// sort puts a field where it goes: to its column, to a nested table, to extra.
// Of a name that is repeated the last value counts, as in Postgres.
func (e *encoding) sort(i int, t *table, name []byte, value jsontext.Value) {
	if i == 0 {
		for j, nested := range e.plan.nested {
			if nested.Field == string(name) {
				e.sortNested(j, t, value)
				return
			}
		}
	}
	columns, ok := t.byField[string(name)]
	for _, c := range columns {
		e.values[c] = value
	}
	if !ok && !t.Only && !t.drop[string(name)] {
		e.addExtra(string(name), value)
	}
}

// sortNested keeps the elements of a nested table for later, if that is what
// the field holds.
func (e *encoding) sortNested(j int, root *table, value jsontext.Value) {
	nested := e.plan.nested[j]
	want := jsontext.Kind('[')
	if nested.members {
		want = '{'
	}
	e.nested[j] = nil
	switch {
	case value.Kind() == want:
		e.nested[j] = value
	case value.Kind() == 'n':
	case root.hasExtra:
		e.notes.misfits++
		e.addExtra(nested.Field, value)
	default:
		e.notes.homeless++
	}
}

// id appends the id the item is filed under. If its own field says something
// else, that is kept.
func (e *encoding) id(dst []byte, t *table, c int) []byte {
	o := t.origins[c]
	value := within(e.values[c], o.below)
	if value != nil && value.Kind() != 'n' && t.hasExtra && !e.says(value, e.item) {
		e.notes.misfits++
		e.addExtra(o.field, value)
	}
	return appendBytes(dst, e.item)
}

// says reports whether a value is the JSON string of a text.
func (e *encoding) says(value jsontext.Value, text string) bool {
	e.text, _, _ = rawjson.AppendString(e.text[:0], value)
	return value.Kind() == '"' && string(e.text) == text
}

// field appends the value of one column.
func (e *encoding) field(dst []byte, t *table, c int, member string) []byte {
	o := &t.origins[c]
	switch {
	case o.IsParent():
		return appendBytes(dst, e.parent)
	case o.IsItem():
		return appendBytes(dst, e.item)
	case o.IsMemberName():
		return appendBytes(dst, e.notes.storable(member))
	}
	value := within(e.values[c], o.below)
	if value == nil {
		return appendNull(dst)
	}
	if o.rule.Drop || o.rule.Hash || o.rule.Keep != nil {
		return e.notes.appendPrivate(dst, o, value)
	}
	if o.IsOrigin() {
		return appendOrigin(dst, value)
	}
	if o.mask {
		return e.notes.appendMasked(dst, value)
	}
	out, ok := e.notes.appendValue(dst, t.columns[c].kind, value)
	if !ok {
		e.notes.misfits++
		if !slices.Contains(t.Drop, o.field) {
			e.addExtra(o.field, value)
		}
		return appendNull(dst)
	}
	return out
}

// within follows field names into an object; nil if it leads nowhere.
func within(value jsontext.Value, path []string) jsontext.Value {
	for _, field := range path {
		object := value
		value = nil
		if object.Kind() != '{' {
			return nil
		}
		_ = rawjson.Members(object, func(name []byte, member jsontext.Value) error {
			if string(name) == field {
				value = member
			}
			return nil
		})
	}
	return value
}

// appendOrigin appends scheme and host of a URL; null if it has none.
func appendOrigin(dst []byte, value jsontext.Value) []byte {
	text, _, _ := rawjson.AppendString(nil, value)
	u, err := url.Parse(string(text))
	if err != nil || u.Host == "" || !utf8.ValidString(u.Host) { // "http://%ff" is a URL
		return appendNull(dst)
	}
	return appendBytes(dst, u.Scheme+"://"+u.Host)
}

// addExtra keeps a field that has no column.
func (e *encoding) addExtra(name string, value jsontext.Value) {
	sep := byte(',')
	if len(e.extra) == 0 {
		sep = '{'
	}
	e.extra = append(e.notes.quote(append(e.extra, sep), e.notes.storable(name)), ':')
	e.extra = e.notes.appendJSONB(e.extra, value)
}

func (e *encoding) appendExtra(dst []byte) []byte {
	if len(e.extra) == 0 {
		return appendNull(dst)
	}
	dst, _ = appendSized(dst, func(b []byte) ([]byte, bool) {
		return append(append(append(b, jsonbVersion), e.extra...), '}'), true
	})
	return dst
}

// storable returns a name as Postgres can hold it. Members has replaced what
// is not UTF-8 by then; what is left of it counts.
func (n *notes) storable(name string) string {
	if !strings.ContainsAny(name, "\x00\ufffd") {
		return name
	}
	n.replaced++
	return strings.ReplaceAll(name, "\x00", "\ufffd")
}
