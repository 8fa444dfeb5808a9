package load

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Mismatch is an item of which the mirror has other rows than were read.
type Mismatch struct {
	ID      string
	Missing bool     // the mirror does not have the item
	Columns []string // what differs, sorted, as "name"; of an element as "scopes.name", or "scopes" where one is missing or too many
}

// CompareBatch compares a batch with the rows of the mirror, value by value, and
// writes nothing. The batch holds items below one parent, each added as if the
// mirror did not know it. What is not known of an incomplete item is not
// compared. The result is sorted by id.
func (l *Loader) CompareBatch(ctx context.Context, pool *pgxpool.Pool, b *Batch, parent string) ([]Mismatch, error) {
	found := map[string]*Mismatch{}
	for i, t := range b.mapping.tables() {
		if err := l.compareTable(ctx, pool, b, i, parent, found); err != nil {
			return nil, fmt.Errorf("compare rows of %s: %w", t.name, err)
		}
	}
	var out []Mismatch
	for _, id := range slices.Sorted(maps.Keys(found)) {
		m := found[id]
		slices.Sort(m.Columns)
		m.Columns = slices.Compact(m.Columns)
		out = append(out, *m)
	}
	return out, nil
}

func (l *Loader) compareTable(ctx context.Context, pool *pgxpool.Pool, b *Batch, table int, parent string, found map[string]*Mismatch) error {
	ids, err := b.completeItemIDs(table)
	if err != nil || len(ids) == 0 {
		return err
	}
	c := newComparedTable(b.mapping, table)
	if err := c.addColumnValues(b.bytes[table]); err != nil {
		return err
	}
	wanted := newBinaryArray(pgtype.TextOID)
	for _, id := range ids {
		wanted.append([]byte(id))
	}
	values := [][]byte{[]byte(l.tenant), wanted.encode(), []byte(parent)}
	oids := []uint32{pgtype.TextOID, pgtype.TextArrayOID, pgtype.TextOID}
	for _, array := range c.arrays {
		values, oids = append(values, array.encode()), append(oids, arrayOIDs[array.oid])
	}
	formats := slices.Repeat([]int16{pgtype.BinaryFormatCode}, len(values))
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	result := conn.Conn().PgConn().ExecParams(ctx, c.comparisonSQL(), values, oids, formats, nil).Read()
	for _, row := range result.Rows {
		id := string(row[0])
		if found[id] == nil {
			found[id] = &Mismatch{ID: id}
		}
		m := found[id]
		switch {
		case string(row[1]) == "f":
			for column := range strings.SplitSeq(string(row[2]), ",") {
				m.Columns = append(m.Columns, c.prefix+column)
			}
		case table == 0:
			m.Missing = true
		default:
			m.Columns = append(m.Columns, c.t.name)
		}
	}
	return result.Err
}

// comparedTable is a table and the values that were read for it.
type comparedTable struct {
	p      *mapping
	t      *table
	root   bool
	prefix string // of the names of its columns
	arrays []*pgArray
}

func newComparedTable(p *mapping, i int) *comparedTable {
	c := &comparedTable{p: p, t: p.tables()[i], root: i == 0}
	if !c.root {
		c.prefix = c.t.name + "."
	}
	for _, column := range c.t.columns {
		c.arrays = append(c.arrays, newBinaryArray(kindOIDs[column.kind]))
	}
	if c.t.hasExtra {
		c.arrays = append(c.arrays, newBinaryArray(pgtype.JSONBOID))
	}
	return c
}

// addColumnValues sorts the values of encoded rows by column. The first of a tuple is
// the tenant; behind the columns come hash and sequence.
func (c *comparedTable) addColumnValues(tuples []byte) error {
	return eachTuple(tuples, func(fields [][]byte) {
		for i, array := range c.arrays {
			array.append(fields[i+1])
		}
	})
}

// completeItemIDs returns the ids of the items in the batch that list what they have
// in a table.
func (b *Batch) completeItemIDs(table int) (ids []string, err error) {
	name := b.mapping.tables()[table].name
	unknown := map[string]bool{}
	for _, i := range b.incompletes {
		if i.table == name {
			unknown[i.id] = true
		}
	}
	err = eachTuple(b.bytes[0], func(fields [][]byte) {
		if id := string(fields[1+b.mapping.id]); !unknown[id] {
			ids = append(ids, id)
		}
	})
	return ids, err
}

var errTuple = errors.New("an encoded row is cut off")

// eachTuple takes rows in the format of COPY apart; a null field is nil.
func eachTuple(tuples []byte, f func(fields [][]byte)) error {
	var fields [][]byte
	for len(tuples) >= 2 {
		n := int(binary.BigEndian.Uint16(tuples))
		tuples, fields = tuples[2:], fields[:0]
		for range n {
			if len(tuples) < 4 {
				return errTuple
			}
			size := int32(binary.BigEndian.Uint32(tuples))
			tuples = tuples[4:]
			if size < 0 {
				fields = append(fields, nil)
				continue
			}
			if len(tuples) < int(size) {
				return errTuple
			}
			fields = append(fields, tuples[:size:size])
			tuples = tuples[size:]
		}
		f(fields)
	}
	if len(tuples) > 0 {
		return errTuple
	}
	return nil
}
