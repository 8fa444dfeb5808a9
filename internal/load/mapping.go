package load

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
)

// columnKind is how a value is written to a column.
type columnKind int

const (
	textKind columnKind = iota
	boolKind
	bigintKind
	timeKind
	jsonKind
)

var columnKinds = map[string]columnKind{
	"text": textKind, "boolean": boolKind, "bigint": bigintKind,
	"timestamp with time zone": timeKind, "jsonb": jsonKind,
}

// column is one column that takes something of an item.
type column struct {
	name string
	kind columnKind
}

// Columns the loader fills by itself.
const (
	tenantColumn = "tenant_id"
	extraColumn  = "extra"
	hashColumn   = "item_hash"
	fromColumn   = "valid_from"
	toColumn     = "valid_to"
	seqColumn    = "stage_seq" // of stage tables: which reading a row is of
)

func isSyncerColumn(name string) bool {
	return slices.Contains([]string{tenantColumn, extraColumn, hashColumn, fromColumn}, name)
}

const selectColumns = `
select c.relname, a.attname, format_type(a.atttypid, null)
from pg_attribute a join pg_class c on c.oid = a.attrelid
where c.relnamespace = 'logto'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
order by c.relname, a.attnum`

// readMirrorColumns returns the columns of every table of the mirror.
func readMirrorColumns(ctx context.Context, pool *pgxpool.Pool) (map[string][]column, error) {
	columns := map[string][]column{}
	var table, name, typ string
	rows, _ := pool.Query(ctx, selectColumns) // the error is that of rows, too
	_, err := pgx.ForEachRow(rows, []any{&table, &name, &typ}, func() error {
		k, ok := columnKinds[typ]
		if !ok && !isSyncerColumn(name) {
			return fmt.Errorf("logto.%s.%s is of type %s, which no field can be written to", table, name, typ)
		}
		columns[table] = append(columns[table], column{name, k})
		return nil
	})
	return columns, err
}

// table is a table of the mirror and where its columns take their values from.
type table struct {
	catalog.Table
	name      string
	columns   []column         // those that take something of an item, in the table's order
	origins   []columnSource   // of the columns
	byField   map[string][]int // columns by the first field their value is below
	hasExtra  bool
	dropExtra bool   // extra stores nothing
	rules     string // identifies the privacy rules on the table; empty: none
	members   bool   // of a nested table: its elements are the members of an object
	drop      map[string]bool
}

// columnSource is where a column takes its value from, worked out once.
type columnSource struct {
	catalog.Source
	field string   // of the item or element; empty: the value is from elsewhere
	below []string // the way from there to the value
	mask  bool     // secrets in the value are blanked
	key   bool     // the column is of the primary key

	rule    Rule   // what is stored of it; zero: all
	hashKey []byte // for rule.Hash
}

func newTable(t catalog.Table, all []column) (*table, error) {
	if all == nil {
		return nil, fmt.Errorf("there is no table logto.%s: has the database been migrated?", t.Name)
	}
	out := &table{Table: t, name: t.Name, byField: map[string][]int{}, drop: map[string]bool{}}
	for _, field := range t.Drop {
		out.drop[field] = true
	}
	for _, c := range all {
		out.hasExtra = out.hasExtra || c.name == extraColumn
		if !isSyncerColumn(c.name) {
			out.add(c)
		}
	}
	for _, key := range t.Key {
		if !slices.ContainsFunc(out.columns, func(c column) bool { return c.name == key }) {
			return nil, fmt.Errorf("logto.%s has no column %s", t.Name, key)
		}
	}
	return out, nil
}

// add adds a column that takes something of an item.
func (t *table) add(c column) {
	source, ok := t.From[c.name]
	if ok { // the field of its name says the same, or nothing
		t.drop[camelCase(c.name)] = true
	} else {
		source = catalog.FieldSource(camelCase(c.name))
	}
	o := columnSource{Source: source, mask: slices.Contains(t.Mask, c.name), key: slices.Contains(t.Key, c.name)}
	t.members = t.members || source.IsMemberName()
	if !source.IsParentID() && !source.IsItemID() && !source.IsMemberName() {
		path := source.Path()
		o.field, o.below = path[0], path[1:]
		t.byField[o.field] = append(t.byField[o.field], len(t.columns))
	}
	t.columns = append(t.columns, c)
	t.origins = append(t.origins, o)
}

// camelCase turns a column's name into the field it is named after.
func camelCase(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = string(unicode.ToUpper(rune(word[0]))) + word[1:]
		}
	}
	return strings.Join(words, "")
}

// mapping is how the items of one listing become rows.
type mapping struct {
	*catalog.Listing
	root   *table
	nested []*table
	id     int // the column of the root table that holds an item's own id

	described listingShape
	shape     [sha256.Size]byte // identifies what is described
}

func newMapping(l *catalog.Listing, columns map[string][]column) (*mapping, error) {
	root, err := newTable(l.Root, columns[l.Root.Name])
	if err != nil {
		return nil, err
	}
	p := &mapping{Listing: l, root: root}
	p.id = slices.IndexFunc(root.columns, func(c column) bool { return c.name == l.IDColumn() })
	for _, t := range l.Nested {
		nested, err := newTable(t, columns[t.Name])
		if err != nil {
			return nil, err
		}
		p.nested = append(p.nested, nested)
	}
	p.setShape()
	return p, nil
}

func (p *mapping) setShape() {
	p.described = p.buildShape()
	p.shape = p.described.sum()
}

// tag leads the hashes of the items that are stored by the mapping.
func (p *mapping) tag() shapeTag { return shapeTag(p.shape[:tagSize]) }

// tables returns the root table and the nested ones.
func (p *mapping) tables() []*table { return append([]*table{p.root}, p.nested...) }
