package logtotest

import (
	"slices"
	"strings"
)

// A row is one row of a table: raw JSON by column, never changed once in a
// table (an update puts another in its place), so that it may be read unlocked.
type row struct {
	id      string // "" in a table without one
	created int64  // created_at in microseconds, 0 without one
	vals    []string
}

// A table holds everything but users and their relations.
type table struct {
	name   string
	cols   []column
	keyed  bool   // has an id
	heap   []*row // physical order: what a list without ORDER BY shows
	sorted []*row // by id, when keyed: what an index scan shows; without recent
	recent []*row // by id, when keyed: the last rows inserted, few of them
	holes  int    // places freed by deletes and updates
}

func newTable(name, columns string) *table {
	t := &table{name: name, cols: parseColumns(columns)}
	t.keyed = t.cols[0].name == "id"
	return t
}

// columnIndex finds a column; -1 is none.
func (t *table) columnIndex(col string) int {
	return slices.IndexFunc(t.cols, func(c column) bool { return c.name == col })
}

// columnJSON is a column of a row as JSON.
func (t *table) columnJSON(r *row, col string) string {
	if i := t.columnIndex(col); i >= 0 {
		return r.vals[i]
	}
	return "null"
}

// text is a column of a row that holds a string, "" for null.
func (t *table) text(r *row, col string) string { return unquote(t.columnJSON(r, col)) }

// maxRecent is how many rows are inserted before they are merged into the others:
// a million log entries would else be moved for each that comes.
const maxRecent = 1000

// sortedByID lists the rows by id. It changes nothing: readers hold the lock together.
func (t *table) sortedByID() []*row {
	if len(t.recent) == 0 {
		return t.sorted
	}
	merged := make([]*row, 0, len(t.sorted)+len(t.recent))
	rest := t.sorted
	for _, r := range t.recent {
		i, _ := findByID(rest, r.id)
		merged = append(append(merged, rest[:i]...), r)
		rest = rest[i:]
	}
	return append(merged, rest...)
}

// mergeRecent sorts in what was inserted last.
func (t *table) mergeRecent() { t.sorted, t.recent = t.sortedByID(), nil }

func findByID(rows []*row, id string) (int, bool) {
	return slices.BinarySearchFunc(rows, id, func(r *row, id string) int { return strings.Compare(r.id, id) })
}

// rowByID finds a row by its id, nil when there is none.
func (t *table) rowByID(id string) *row {
	for _, rows := range [][]*row{t.sorted, t.recent} {
		if i, ok := findByID(rows, id); ok {
			return rows[i]
		}
	}
	return nil
}

// where lists the rows whose column is this string, in physical order.
func (t *table) where(col, value string) []*row {
	i, want := t.columnIndex(col), quote(value)
	var rows []*row
	for _, r := range t.heap {
		if r.vals[i] == want {
			rows = append(rows, r)
		}
	}
	return rows
}

// insert adds a row at the end; it must not be there yet.
func (t *table) insert(r *row) {
	t.heap = append(t.heap, r)
	if t.keyed {
		i, _ := findByID(t.recent, r.id)
		if t.recent = slices.Insert(t.recent, i, r); len(t.recent) >= maxRecent {
			t.mergeRecent()
		}
	}
}

// replace puts now where an UPDATE puts a new version of was: at the end, or
// every third time, when there are any, into a place freed before.
func (t *table) replace(was, now *row) {
	i := slices.Index(t.heap, was)
	t.heap = slices.Delete(t.heap, i, i+1)
	at := len(t.heap)
	if t.holes++; t.holes > 1 && t.holes%3 == 0 && at > 0 {
		at = (t.holes * 7919) % at
	}
	t.heap = slices.Insert(t.heap, at, now)
	if t.keyed {
		t.mergeRecent()
		j, _ := findByID(t.sorted, now.id)
		t.sorted[j] = now
	}
}

// removeFunc deletes every row that drop says and returns them.
func (t *table) removeFunc(drop func(*row) bool) []*row {
	var gone []*row
	t.heap = slices.DeleteFunc(t.heap, func(r *row) bool {
		if !drop(r) {
			return false
		}
		gone = append(gone, r)
		return true
	})
	t.holes += len(gone)
	if !t.keyed || len(gone) == 0 {
		return gone
	}
	t.mergeRecent()
	if len(gone) > 8 {
		t.sorted = slices.DeleteFunc(t.sorted, drop)
		return gone
	}
	for _, r := range gone {
		i, _ := findByID(t.sorted, r.id)
		t.sorted = slices.Delete(t.sorted, i, i+1)
	}
	return gone
}

// flipAbove is how many rows a table has before its plan depends on the offset.
const flipAbove = 500

// unorderedPage is a page of a list without ORDER BY: physical order, but for the
// first tenth of a bigger table, which the planner reads by the index on id. So
// a walk by pages can miss rows although nobody writes.
func (t *table) unorderedPage(offset, limit int, orderly bool) []*row {
	rows := t.heap
	if t.keyed && !orderly && len(rows) > flipAbove && offset+limit <= len(rows)/10 {
		rows = t.sortedByID()
	}
	return window(rows, offset, limit)
}

// window cuts a page out of a list; limit < 0 is all of it.
func window[T any](list []T, offset, limit int) []T {
	if limit < 0 {
		return list
	}
	from := min(offset, len(list))
	return list[from:min(from+limit, len(list))]
}

// appendOpenRow shows a row as the API does, without the closing brace.
func (c *apiRequest) appendOpenRow(b []byte, t *table, r *row, tenant bool) []byte {
	b = append(b, '{')
	if tenant {
		b = append(b, `"tenantId":"default",`...)
	}
	for i := range t.cols {
		col := &t.cols[i]
		if col.kind == hidden || !c.edition.sendsColumn(t.name, col.name) {
			continue
		}
		switch col.kind {
		case stamp:
			b = appendKey(b, col.api)
			b = appendMillis(b, parseMicros(r.vals[i]))
		case jsonb:
			b = appendKey(b, col.api)
			b = append(b, roundBigNumbers(r.vals[i])...)
		default:
			b = appendKey(b, col.api)
			b = append(b, r.vals[i]...)
		}
		b = append(b, ',')
	}
	return append(b[:len(b)-1], c.added[t.name]...)
}

func appendKey(b []byte, key string) []byte {
	b = append(b, '"')
	b = append(b, key...)
	return append(b, '"', ':')
}
