package load

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/rawjson"
)

// notes count what a reader of the certificate should know of the values.
type notes struct {
	replaced int // values that could not be stored as they came
	misfits  int // values no column of their field's name can hold, now in extra
	keyless  int // elements within items that have no id
}

// A Batch holds encoded rows of one listing on their way to the stage. It is
// filled by one goroutine at a time.
type Batch struct {
	plan  *plan
	rows  []int    // rows by table, the root first
	bytes [][]byte // their tuples
	gone  []gone
	notes notes
	// scratch for one item
	values []jsontext.Value
	extra  []byte
}

type gone struct {
	parent, id string
	seq        int64
}

// NewBatch returns an empty batch for a listing the loader was opened with.
func (l *Loader) NewBatch(listing *catalog.Listing) *Batch {
	p := l.plans[listing.Name]
	return &Batch{plan: p, rows: make([]int, 1+len(p.nested)), bytes: make([][]byte, 1+len(p.nested))}
}

// Changed reports how many items the batch holds, those gone included.
func (b *Batch) Changed() int { return b.rows[0] + len(b.gone) }

// Size returns the bytes of the batch's rows.
func (b *Batch) Size() (n int) {
	for _, tuples := range b.bytes {
		n += len(tuples)
	}
	return n
}

// Notes returns what a reader of the certificate should know of the values
// encoded so far, and how often it happened.
func (b *Batch) Notes() map[string]int {
	return map[string]int{
		"values stored with a replacement, since Postgres cannot hold them as they came": b.notes.replaced,
		"values put in extra, since the column of their name cannot hold them":           b.notes.misfits,
		"elements within items left out, since they have no id":                          b.notes.keyless,
	}
}

// Gone notes that an item is to leave the mirror. seq orders what the run
// learned of it: a row with a greater one counts more.
func (b *Batch) Gone(parent, id string, seq int64) {
	b.gone = append(b.gone, gone{parent, id, seq})
}

var errNoObject = errors.New("not an object")

// Add encodes an item, unless it hashes to known: then nothing is added and
// changed is false. A zero known is of no item. An item that is no object
// cannot be stored; its error adds nothing.
func (l *Loader) Add(b *Batch, parent, id string, item jsontext.Value, known Hash, seq int64) (changed bool, err error) {
	starts := make([]int, len(b.bytes), 8)
	for i, tuples := range b.bytes {
		starts[i] = len(tuples)
	}
	rows := [8]int{}
	copy(rows[:], b.rows)
	h := sha256.New()
	h.Write(b.plan.shape[:])
	e := encoding{Batch: b, tenant: l.tenant, parent: parent, item: id, seq: seq, hash: h}
	if err := e.root(item); err != nil {
		b.cut(starts, rows[:])
		return false, fmt.Errorf("encode an item of %s: %w", b.plan.Name, err)
	}
	var sum Hash
	copy(sum[:], h.Sum(nil))
	if sum == known {
		b.cut(starts, rows[:])
		return false, nil
	}
	b.finish(sum, seq)
	return true, nil
}

// cut takes back what was added since the batch was as given.
func (b *Batch) cut(starts, rows []int) {
	for i, start := range starts {
		b.bytes[i] = b.bytes[i][:start]
		b.rows[i] = rows[i]
	}
}

// encoding is the encoding of one item.
type encoding struct {
	*Batch
	tenant, parent, item string
	seq                  int64
	hash                 hash.Hash // of the rows but for their sequence
}

// root encodes an item and what is nested in it, without hash and sequence.
func (e *encoding) root(item jsontext.Value) error {
	nested := make([]jsontext.Value, len(e.plan.nested), 4)
	if err := e.tuple(0, e.plan.root, item, "", nested); err != nil {
		return err
	}
	for i, value := range nested {
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
	if value.Kind() == '{' {
		return rawjson.Members(value, func(name []byte, element jsontext.Value) error {
			return e.tuple(i, t, element, string(name), nil)
		})
	}
	return rawjson.Elements(value, func(element jsontext.Value) error {
		return e.tuple(i, t, element, "", nil)
	})
}

// tuple appends one row of a table. nested takes the fields that have tables
// of their own, in the order of the plan's.
func (e *encoding) tuple(i int, t *table, object jsontext.Value, member string, nested []jsontext.Value) error {
	e.values = append(e.values[:0], make([]jsontext.Value, len(t.columns))...)
	e.extra = e.extra[:0]
	err := rawjson.Members(object, func(name []byte, value jsontext.Value) error {
		return e.sort(t, name, value, nested)
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
	start := len(e.bytes[i])
	dst := appendBytes(appendCount(e.bytes[i], fields), e.tenant)
	for c := range t.columns {
		dst = e.field(dst, t, c, member)
	}
	if t.hasExtra {
		dst = e.appendExtra(dst)
	}
	e.hash.Write(dst[start:])
	if i > 0 {
		dst = appendInt64(dst, e.seq)
	}
	e.bytes[i] = dst
	return nil
}

// hasKey reports whether the key columns that take a field have a string.
func (e *encoding) hasKey(t *table) bool {
	for c, column := range t.columns {
		source := t.sources[c]
		if !slices.Contains(t.Key, column.name) || source.IsParent() || source.IsItem() || source.IsMemberName() {
			continue
		}
		if value := within(e.values[c], source.Path()[1:]); value.Kind() != '"' {
			return false
		}
	}
	return true
}

// sort puts a field where it goes: to its column, to a nested table, to extra.
func (e *encoding) sort(t *table, name []byte, value jsontext.Value, nested []jsontext.Value) error {
	for i := range nested {
		if e.plan.nested[i].Field == string(name) {
			nested[i] = value
			return nil
		}
	}
	columns, ok := t.byField[string(name)]
	for _, c := range columns {
		e.values[c] = value
	}
	if ok || t.Only || t.drop[string(name)] {
		return nil
	}
	e.addExtra(string(name), value)
	return nil
}

// field appends the value of one column.
func (e *encoding) field(dst []byte, t *table, c int, member string) []byte {
	source := t.sources[c]
	switch {
	case source.IsParent():
		return appendBytes(dst, e.parent)
	case source.IsItem():
		return appendBytes(dst, e.item)
	case source.IsMemberName():
		return e.appendName(dst, member)
	}
	value := within(e.values[c], source.Path()[1:])
	if value == nil {
		return appendNull(dst)
	}
	if source.IsOrigin() {
		return appendOrigin(dst, value)
	}
	if t.mask[c] {
		out, _ := appendSized(dst, func(b []byte) ([]byte, bool) { return e.notes.rewrite(append(b, 1), value, true, 0), true })
		return out
	}
	out, ok := e.notes.appendValue(dst, t.columns[c].kind, value)
	if !ok {
		e.notes.misfits++
		if field := source.Path()[0]; !t.drop[field] {
			e.addExtra(field, value)
		}
		return appendNull(dst)
	}
	return out
}

// appendName appends a member's name as text.
func (e *encoding) appendName(dst []byte, name string) []byte {
	if bytes.IndexByte([]byte(name), 0) < 0 {
		return appendBytes(dst, name)
	}
	quoted, _ := jsontext.AppendQuote(nil, name)
	out, _ := appendSized(dst, func(b []byte) ([]byte, bool) { return e.notes.appendText(b, quoted), true })
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
	text, _ := rawjson.AppendString(nil, value)
	u, err := url.Parse(string(text))
	if err != nil || u.Host == "" {
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
	e.extra = append(e.notes.quote(append(e.extra, sep), name), ':')
	e.extra = e.notes.appendJSONB(e.extra, value)
}

func (e *encoding) appendExtra(dst []byte) []byte {
	if len(e.extra) == 0 {
		return appendNull(dst)
	}
	return appendBytes(dst, append(append([]byte{1}, e.extra...), '}'))
}

// finish appends hash and sequence to the root row of the item just encoded.
func (b *Batch) finish(sum Hash, seq int64) {
	b.bytes[0] = appendInt64(appendBytes(b.bytes[0], sum[:]), seq)
}
