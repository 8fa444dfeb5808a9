package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/parquet-go/parquet-go"
)

// groupRows is how many rows of a table are in memory at once: a row group of
// Parquet is written as a whole.
const groupRows = 20_000

// parquetNodeAndExpression returns what a column becomes, and what to select for it.
// Moments and days that are infinite become null; what Parquet has no type for
// is text, lists as JSON.
func parquetNodeAndExpression(c exportedColumn) (parquet.Node, string) {
	name := pgx.Identifier{c.name}.Sanitize()
	switch {
	case c.kind == "bool":
		return parquet.Leaf(parquet.BooleanType), name
	case c.kind == "int2", c.kind == "int4", c.kind == "int8":
		return parquet.Int(64), name + "::bigint"
	case c.kind == "float4", c.kind == "float8":
		return parquet.Leaf(parquet.DoubleType), name + "::float8"
	case c.kind == "timestamptz":
		return parquet.Timestamp(parquet.Microsecond), "case when isfinite(" + name + ") then (extract(epoch from " + name + ") * 1000000)::bigint end"
	case c.kind == "date":
		return parquet.Date(), "case when isfinite(" + name + ") then " + name + " - date '1970-01-01' end"
	case c.kind == "json", c.kind == "jsonb":
		return parquet.JSON(), name + "::text"
	case strings.HasPrefix(c.kind, "_"): // an array
		return parquet.JSON(), "to_jsonb(" + name + ")::text"
	}
	return parquet.String(), name + "::text"
}

// An orderedParquetGroup has its fields in the table's order, where a Group sorts them
// by name.
type orderedParquetGroup struct {
	parquet.Group
	names []string
}

// Fields implements parquet.Node.
func (g orderedParquetGroup) Fields() []parquet.Field {
	fields := g.Group.Fields()
	slices.SortFunc(fields, func(a, b parquet.Field) int {
		return slices.Index(g.names, a.Name()) - slices.Index(g.names, b.Name())
	})
	return fields
}

// writeParquet streams the rows of a table into a Parquet file. about goes into
// its metadata, under the key syncer: such a file is often all that is passed on.
func writeParquet(ctx context.Context, tx pgx.Tx, t exportTable, from string, about manifest, w io.Writer) (n int64, err error) {
	text, err := json.Marshal(about)
	if err != nil {
		return 0, err
	}
	group := orderedParquetGroup{parquet.Group{}, t.columnNames()}
	selected := make([]string, len(t.columns))
	for i, c := range t.columns {
		node, expression := parquetNodeAndExpression(c)
		group.Group[c.name], selected[i] = parquet.Optional(node), expression
	}
	out := parquet.NewWriter(w, parquet.NewSchema(t.name, group), parquet.MaxRowsPerRowGroup(groupRows), parquet.Compression(&parquet.Zstd), parquet.KeyValueMetadata("syncer", string(text)))
	rows, err := tx.Query(ctx, "select "+strings.Join(selected, ", ")+from)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for ; rows.Next(); n++ {
		values, err := rows.Values()
		if err != nil {
			return n, err
		}
		row, err := parquetRow(values)
		if err != nil {
			return n, err
		}
		if _, err := out.WriteRows([]parquet.Row{row}); err != nil {
			return n, err
		}
	}
	if err := rows.Err(); err != nil {
		return n, err
	}
	return n, out.Close()
}

// parquetRow turns values of the types that parquetNodeAndExpression selects into a row.
func parquetRow(values []any) (parquet.Row, error) {
	row := make(parquet.Row, len(values))
	for i, value := range values {
		var v parquet.Value
		switch value := value.(type) {
		case nil:
			row[i] = parquet.NullValue().Level(0, 0, i)
			continue
		case bool:
			v = parquet.BooleanValue(value)
		case int32:
			v = parquet.Int32Value(value)
		case int64:
			v = parquet.Int64Value(value)
		case float64:
			v = parquet.DoubleValue(value)
		case string:
			v = parquet.ByteArrayValue([]byte(value))
		default:
			return nil, fmt.Errorf("a value of type %T has no place in Parquet", value)
		}
		row[i] = v.Level(0, 1, i)
	}
	return row, nil
}
