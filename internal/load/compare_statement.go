package load

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

var kindOIDs = map[columnKind]uint32{
	textKind: pgtype.TextOID, boolKind: pgtype.BoolOID, bigintKind: pgtype.Int8OID,
	timeKind: pgtype.TimestamptzOID, jsonKind: pgtype.JSONBOID,
}

var arrayOIDs = map[uint32]uint32{
	pgtype.TextOID: pgtype.TextArrayOID, pgtype.BoolOID: pgtype.BoolArrayOID, pgtype.Int8OID: pgtype.Int8ArrayOID,
	pgtype.TimestamptzOID: pgtype.TimestamptzArrayOID, pgtype.JSONBOID: pgtype.JSONBArrayOID,
}

// pgArray is an array in Postgres's binary format: of the number of dimensions,
// whether there are nulls, the type, the length, the first index; then each
// value behind its length.
type pgArray struct {
	oid    uint32
	length int
	values []byte
}

func newBinaryArray(oid uint32) *pgArray { return &pgArray{oid: oid} }

// append adds a value in binary; nil is null.
func (a *pgArray) append(value []byte) {
	a.length++
	if value == nil {
		a.values = appendNull(a.values)
		return
	}
	a.values = appendBytes(a.values, value)
}

func (a *pgArray) encode() []byte {
	head := []uint32{1, 1, a.oid, uint32(a.length), 1}
	if a.length == 0 {
		head = []uint32{0, 0, a.oid}
	}
	var out []byte
	for _, n := range head {
		out = binary.BigEndian.AppendUint32(out, n)
	}
	return append(out, a.values...)
}

// A compareStatement is what the statement that compares a table says of it.
type compareStatement struct {
	Mirror  string
	Read    string // the arrays of the columns, as parameters
	Columns string // their names
	Keys    string
	Owner   string // the column with the id of the item
	Parent  string // the column with the id of its parent; empty at the top
	Join    string // keys of a stored and a read row that match
	ItemKey string // a column of the key
	Differs []string
	Names   []string
}

// comparisonSQL compares the rows of the table that belong to the items $2 below
// the parent $3 with the values in $4 and on. Text is compared by bytes.
func (c *comparedTable) comparisonSQL() string {
	owner := func(is func(o columnSource) bool) string {
		for i, o := range c.t.origins {
			if is(o) {
				return quote(c.t.columns[i].name)
			}
		}
		return ""
	}
	s := compareStatement{
		Mirror: "logto." + quote(c.t.name), Keys: columnList("", c.t.Key), ItemKey: quote(c.t.Key[len(c.t.Key)-1]),
		Owner: owner(func(o columnSource) bool { return o.IsItemID() }), Parent: owner(func(o columnSource) bool { return o.IsParentID() }),
	}
	if c.root {
		s.Owner = quote(c.t.columns[c.p.id].name)
	}
	var read, names, join []string
	for i, a := range c.arrays {
		name, collate := extraColumn, ""
		if i < len(c.t.columns) {
			name = c.t.columns[i].name
		}
		if a.oid == pgtype.TextOID {
			collate = ` collate "C"`
		}
		read, names = append(read, fmt.Sprintf("$%d", i+4)), append(names, quote(name))
		if slices.Contains(c.t.Key, name) {
			join = append(join, fmt.Sprintf("m.%[1]s = s.%[1]s%[2]s", quote(name), collate))
			continue
		}
		s.Differs = append(s.Differs, fmt.Sprintf("m.%[1]s is distinct from s.%[1]s%[2]s", quote(name), collate))
		s.Names = append(s.Names, name)
	}
	s.Read, s.Columns, s.Join = strings.Join(read, ", "), strings.Join(names, ", "), strings.Join(join, " and ")
	return render("compare_rows", s)
}
