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

// itemEncoder is the encoding of one item.
type itemEncoder struct {
	*Batch
	tenant, parent, item string
}

// encodeItem encodes an item and what is nested in it, without hash and sequence.
func (e *itemEncoder) encodeItem(item jsontext.Value) error {
	clear(e.nested)
	clear(e.listed)
	if err := e.encodeRow(0, e.mapping.root, item, ""); err != nil {
		return err
	}
	for i, value := range e.nested {
		if value == nil {
			continue
		}
		if err := e.encodeElements(i+1, e.mapping.nested[i], value); err != nil {
			return fmt.Errorf("%s: %w", e.mapping.nested[i].Field, err)
		}
	}
	return nil
}

// encodeElements encodes the elements of a nested table: those of an array, or the
// members of an object.
func (e *itemEncoder) encodeElements(i int, t *table, value jsontext.Value) error {
	if t.members {
		return rawjson.Members(value, func(name []byte, element jsontext.Value) error {
			return e.encodeElement(i, t, element, string(name))
		})
	}
	return rawjson.Elements(value, func(element jsontext.Value) error {
		return e.encodeElement(i, t, element, "")
	})
}

func (e *itemEncoder) encodeElement(i int, t *table, value jsontext.Value, member string) error {
	if value.Kind() != '{' || len(member) > maxKey {
		e.skipElementWithoutID(i)
		return nil
	}
	return e.encodeRow(i, t, value, member)
}

// skipElementWithoutID leaves out an element without an id: which of those the mirror
// has it is, nobody can tell.
func (e *itemEncoder) skipElementWithoutID(i int) {
	e.notes.withoutID++
	e.listed[i-1] = false
}

// encodeRow appends one row of a table.
func (e *itemEncoder) encodeRow(i int, t *table, object jsontext.Value, member string) error {
	e.values = append(e.values[:0], make([]jsontext.Value, len(t.columns))...)
	e.extra = e.extra[:0]
	err := rawjson.Members(object, func(name []byte, value jsontext.Value) error {
		e.routeField(i, t, name, value)
		return nil
	})
	if err != nil {
		return errors.Join(errNoObject, err)
	}
	if i > 0 && !e.hasValidElementKey(t) {
		e.skipElementWithoutID(i)
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
		if i == 0 && c == e.mapping.id {
			dst = e.appendID(dst, t, c)
		} else {
			dst = e.appendField(dst, t, c, member)
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
		e.ends = append(e.ends, elementEnd{i, len(dst)})
	}
	e.bytes[i] = dst
	return nil
}

// hasValidElementKey reports whether the key columns that take a field have a string that
// is short enough.
func (e *itemEncoder) hasValidElementKey(t *table) bool {
	for c, o := range t.origins {
		if !o.key || o.field == "" {
			continue
		}
		if value := valueAt(e.values[c], o.below); value.Kind() != '"' || len(value) > maxKey {
			return false
		}
	}
	return true
}

// routeField puts a field where it goes: to its column, to a nested table, to extra.
// Of a name that is repeated the last value counts, as in Postgres.
func (e *itemEncoder) routeField(i int, t *table, name []byte, value jsontext.Value) {
	if i == 0 {
		for j, nested := range e.mapping.nested {
			if nested.Field == string(name) {
				e.deferElements(j, t, value)
				return
			}
		}
	}
	columns, ok := t.byField[string(name)]
	for _, c := range columns {
		e.values[c] = value
	}
	if !ok && !t.Only && !t.drop[string(name)] {
		e.notes.countUnknown(t.name, name)
		e.addExtra(string(name), value)
	}
}

// deferElements keeps the elements of a nested table for later, if that is what
// the field holds. Null is no list: Logto sends an empty one.
func (e *itemEncoder) deferElements(j int, root *table, value jsontext.Value) {
	nested := e.mapping.nested[j]
	want := jsontext.Kind('[')
	if nested.members {
		want = '{'
	}
	e.nested[j], e.listed[j] = nil, value.Kind() == want
	switch {
	case e.listed[j]:
		e.nested[j] = value
	case value.Kind() == 'n':
	case root.hasExtra:
		e.notes.movedToExtra++
		e.addExtra(nested.Field, value)
	default:
		e.notes.leftOut++
	}
}

// appendID appends the id the item is filed under. If its own field says something
// else, that is kept.
func (e *itemEncoder) appendID(dst []byte, t *table, c int) []byte {
	o := t.origins[c]
	value := valueAt(e.values[c], o.below)
	if value != nil && value.Kind() != 'n' && t.hasExtra && !e.stringEquals(value, e.item) {
		e.notes.movedToExtra++
		e.addExtra(o.field, value)
	}
	return appendBytes(dst, e.item)
}

// stringEquals reports whether a value is the JSON string of a text.
func (e *itemEncoder) stringEquals(value jsontext.Value, text string) bool {
	e.text, _, _ = rawjson.AppendUnquoted(e.text[:0], value)
	return value.Kind() == '"' && string(e.text) == text
}

// appendField appends the value of one column.
func (e *itemEncoder) appendField(dst []byte, t *table, c int, member string) []byte {
	o := &t.origins[c]
	switch {
	case o.IsParentID():
		return appendBytes(dst, e.parent)
	case o.IsItemID():
		return appendBytes(dst, e.item)
	case o.IsMemberName():
		return appendBytes(dst, e.notes.storableName(member))
	}
	value := valueAt(e.values[c], o.below)
	if value == nil {
		return appendNull(dst)
	}
	if o.rule.Drop || o.rule.Hash || o.rule.Keep != nil {
		return e.notes.appendPrivate(dst, o, value)
	}
	if o.IsURLOrigin() {
		return appendURLOrigin(dst, value)
	}
	if o.mask {
		return e.notes.appendSecretsMasked(dst, value)
	}
	out, ok := e.notes.appendValue(dst, t.columns[c].kind, value)
	if !ok {
		e.notes.movedToExtra++
		if !slices.Contains(t.Drop, o.field) {
			e.addExtra(o.field, value)
		}
		return appendNull(dst)
	}
	return out
}

// valueAt follows field names into an object; nil if it leads nowhere.
func valueAt(value jsontext.Value, path []string) jsontext.Value {
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

// appendURLOrigin appends scheme and host of a URL; null if it has none.
func appendURLOrigin(dst []byte, value jsontext.Value) []byte {
	text, _, _ := rawjson.AppendUnquoted(nil, value)
	u, err := url.Parse(string(text))
	if err != nil || u.Host == "" || !utf8.ValidString(u.Host) { // "http://%ff" is a URL
		return appendNull(dst)
	}
	return appendBytes(dst, u.Scheme+"://"+u.Host)
}

// addExtra keeps a field that has no column.
func (e *itemEncoder) addExtra(name string, value jsontext.Value) {
	sep := byte(',')
	if len(e.extra) == 0 {
		sep = '{'
	}
	e.extra = append(e.notes.appendJSONString(append(e.extra, sep), e.notes.storableName(name)), ':')
	e.extra = e.notes.appendJSONBText(e.extra, value)
}

func (e *itemEncoder) appendExtra(dst []byte) []byte {
	if len(e.extra) == 0 {
		return appendNull(dst)
	}
	dst, _ = appendSized(dst, func(b []byte) ([]byte, bool) {
		return append(append(append(b, jsonbVersion), e.extra...), '}'), true
	})
	return dst
}

// storableName returns a name as Postgres can hold it. Members has replaced what
// is not UTF-8 by then; what is left of it counts.
func (n *encodeNotes) storableName(name string) string {
	if !strings.ContainsAny(name, "\x00\ufffd") {
		return name
	}
	n.replaced++
	return strings.ReplaceAll(name, "\x00", "\ufffd")
}
