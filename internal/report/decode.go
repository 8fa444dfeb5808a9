package report

import (
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// streamResult tells what Postgres answers to out. An error is out's; the answer's
// own is found by closing it.
func streamResult(types *pgtype.Map, answer *pgconn.ResultReader, out Renderer) error {
	begun := false
	begin := func() error {
		begun = true
		return out.Begin(columns(types, answer.FieldDescriptions()))
	}
	for answer.NextRow() {
		if !begun {
			if err := begin(); err != nil {
				return err
			}
		}
		row := make([]any, len(answer.Values()))
		for i, text := range answer.Values() {
			value, err := decodeTextValue(types, answer.FieldDescriptions()[i].DataTypeOID, text)
			if err != nil {
				return fmt.Errorf("read column %s: %w", answer.FieldDescriptions()[i].Name, err)
			}
			row[i] = value
		}
		if err := out.Row(row); err != nil {
			return err
		}
	}
	if !begun && answer.FieldDescriptions() != nil {
		return begin()
	}
	return nil
}

func columns(types *pgtype.Map, fields []pgconn.FieldDescription) []Column {
	var out []Column
	for _, f := range fields {
		c := Column{Name: f.Name}
		if t, ok := types.TypeForOID(f.DataTypeOID); ok {
			c.Type = t.Name
		}
		switch f.DataTypeOID {
		case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID, pgtype.Float4OID, pgtype.Float8OID:
			c.Numeric = true
		}
		out = append(out, c)
	}
	return out
}

// decodeTextValue makes a value of the text Postgres writes; nil is null.
func decodeTextValue(types *pgtype.Map, oid uint32, text []byte) (any, error) {
	if text == nil {
		return nil, nil //nolint:nilnil // null is a value
	}
	switch oid {
	case pgtype.BoolOID:
		return string(text) == "t", nil
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.NumericOID, pgtype.Float4OID, pgtype.Float8OID:
		if json.Valid(text) {
			return json.Number(text), nil
		}
		return string(text), nil // NaN, Infinity
	case pgtype.JSONOID, pgtype.JSONBOID:
		return json.RawMessage(append([]byte(nil), text...)), nil
	}
	t, ok := types.TypeForOID(oid)
	if !ok {
		return string(text), nil
	}
	array, ok := t.Codec.(*pgtype.ArrayCodec)
	if !ok {
		return string(text), nil
	}
	var elements []*string
	if err := types.Scan(oid, pgtype.TextFormatCode, text, &elements); err != nil {
		return string(text), nil //nolint:nilerr // an array of arrays is shown as Postgres writes it
	}
	list := []any{}
	for _, element := range elements {
		var inner []byte
		if element != nil {
			inner = []byte(*element)
		}
		value, err := decodeTextValue(types, array.ElementType.OID, inner)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	return list, nil
}
