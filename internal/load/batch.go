package load

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/catalog"
)

// encodeNotes count what a reader of the certificate should know of the values.
type encodeNotes struct {
	replaced     int // values that could not be stored as they came
	movedToExtra int // values no column of their field's name can hold, now in extra
	leftOut      int // the same in a table without extra
	withoutID    int // elements within items that have no id
	incomplete   int // items whose elements are not all known
	unknown      map[unknownField]int
}

// A Batch holds encoded rows of one listing on their way to the stage. It is
// filled by one goroutine at a time.
type Batch struct {
	mapping     *mapping
	rows        []int    // rows by table, the root first
	bytes       [][]byte // their tuples
	deletions   []deletion
	incompletes []incompleteItem
	notes       encodeNotes
	// scratch for one item
	hash   hash.Hash
	starts []int // of the item's tuples, by table
	before []int // rows without the item, by table
	ends   []elementEnd
	tuples [][]byte
	nested []jsontext.Value // the fields that have tables of their own
	listed []bool           // which of them the item lists in full
	values []jsontext.Value
	extra  []byte
	text   []byte
}

type deletion struct {
	parent, id string
	seq        int64
}

// elementEnd is where the tuple of an element ends.
type elementEnd struct{ table, offset int }

// NewBatch returns an empty batch for a listing the loader was opened with.
func (l *Loader) NewBatch(listing *catalog.Listing) *Batch {
	p := l.mappings[listing.Name]
	n := 1 + len(p.nested)
	return &Batch{
		mapping: p, rows: make([]int, n), bytes: make([][]byte, n),
		hash: sha256.New(), starts: make([]int, n), before: make([]int, n),
		nested: make([]jsontext.Value, len(p.nested)), listed: make([]bool, len(p.nested)),
	}
}

// ItemCount reports how many items the batch holds, those deleted included.
func (b *Batch) ItemCount() int { return b.rows[0] + len(b.deletions) }

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
	notes := map[string]int{
		"values stored with a replacement, since Postgres cannot hold them as they came": b.notes.replaced,
		"values put in extra, since the column of their name cannot hold them":           b.notes.movedToExtra,
		"values left out, since they are no list and their table has no extra":           b.notes.leftOut,
		"elements within items left out, since they have no id that could be stored":     b.notes.withoutID,
		"items whose elements are not all known, so that none is deleted":                b.notes.incomplete,
	}
	for field, n := range b.notes.unknown {
		notes[unknownFieldNote+field.table+"."+field.name] = n
	}
	return notes
}

// Delete notes that an item is to leave the mirror. seq orders what the run
// learned of it: a row with a greater one counts more.
func (b *Batch) Delete(parent, id string, seq int64) {
	b.deletions = append(b.deletions, deletion{parent, id, seq})
}

var errNoObject = errors.New("not an object")

// AddItem encodes an item, unless it hashes to known: then nothing is added and
// changed is false. A zero known is of no item. parent and id are the ids it
// is filed under, valid UTF-8 without NUL and of at most 1024 bytes each. The
// item has been decoded and is known to be JSON, see package rawjson. One that
// is no object cannot be stored; its error adds nothing. One that does not list
// its elements is always added: those the mirror has stay as they are, and its
// hash is of no reading.
func (l *Loader) AddItem(b *Batch, parent, id string, item jsontext.Value, known ItemHash, seq int64) (changed bool, err error) {
	for i, tuples := range b.bytes {
		b.starts[i], b.before[i] = len(tuples), b.rows[i]
	}
	b.ends = b.ends[:0]
	e := itemEncoder{Batch: b, tenant: l.tenant, parent: parent, item: id}
	if err := e.encodeItem(item); err != nil {
		b.undoItem()
		return false, fmt.Errorf("encode an item of %s: %w", b.mapping.Name, err)
	}
	if slices.Contains(b.listed, false) {
		b.noteIncomplete(parent, id, seq)
		b.finishItem(b.mapping.tag().asHash(), seq)
		return true, nil
	}
	sum := b.hashItem()
	if sum == known {
		b.undoItem()
		return false, nil
	}
	b.finishItem(sum, seq)
	return true, nil
}

// hashItem hashes what the item just encoded added to each table. Where the tuples
// of a table end is part of it: an element may not move to another table
// unseen. The order of the elements is not, for the server promises none.
func (b *Batch) hashItem() (out ItemHash) {
	b.hash.Reset()
	b.hash.Write(b.mapping.shape[:])
	b.text = b.text[:0]
	for i, tuples := range b.bytes {
		b.text = binary.BigEndian.AppendUint64(b.text, uint64(len(tuples)-b.starts[i]))
	}
	b.hash.Write(b.text)
	b.hash.Write(b.bytes[0][b.starts[0]:])
	for _, tuple := range b.sortedElementTuples() {
		b.hash.Write(tuple)
	}
	b.text = b.hash.Sum(b.text[:0])
	out = b.mapping.tag().asHash()
	copy(out[tagSize:], b.text)
	return out
}

// sortedElementTuples returns the tuples of the elements of the item just encoded, by
// table and in an order of their own.
func (b *Batch) sortedElementTuples() [][]byte {
	b.tuples = b.tuples[:0]
	first, table, start := 0, 0, 0
	for _, e := range b.ends {
		if e.table != table {
			slices.SortFunc(b.tuples[first:], bytes.Compare)
			first, table, start = len(b.tuples), e.table, b.starts[e.table]
		}
		b.tuples = append(b.tuples, b.bytes[table][start:e.offset])
		start = e.offset
	}
	slices.SortFunc(b.tuples[first:], bytes.Compare)
	return b.tuples
}

// undoItem takes back what the item just encoded has added.
func (b *Batch) undoItem() {
	for i, start := range b.starts {
		b.bytes[i] = b.bytes[i][:start]
		b.rows[i] = b.before[i]
	}
}

// finishItem adds hash and sequence to the tuples of the item just encoded. They
// come last, for the hash is not of itself, nor of when the item was read.
func (b *Batch) finishItem(sum ItemHash, seq int64) {
	b.bytes[0] = appendInt64(appendBytes(b.bytes[0], sum[:]), seq)
	for _, e := range b.ends {
		binary.BigEndian.PutUint64(b.bytes[e.table][e.offset-8:], uint64(seq))
	}
}
