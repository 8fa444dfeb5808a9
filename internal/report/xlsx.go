package report

import (
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
)

const (
	sheet        = "Sheet1"
	maxSheetRows = 1_048_576 // the head included
	maxCell      = 32_767    // characters
	exactDigits  = 15        // of a number in a spreadsheet
)

// xlsxRenderer writes a workbook of one sheet. A text is a text, whatever it
// begins with: nothing in the file is a formula. It streams: rows go to a
// temporary file.
type xlsxRenderer struct {
	w       io.Writer
	book    *excelize.File
	rows    *excelize.StreamWriter
	columns []Column
	n       int // rows written
}

func newXLSX(w io.Writer) (*xlsxRenderer, error) {
	book := excelize.NewFile()
	rows, err := book.NewStreamWriter(sheet)
	if err != nil {
		return nil, fmt.Errorf("make a workbook: %w", err)
	}
	return &xlsxRenderer{w: w, book: book, rows: rows}, nil
}

func (r *xlsxRenderer) Begin(columns []Column) error {
	r.columns = columns
	names := make([]any, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return r.writeRow(names)
}

func (r *xlsxRenderer) Row(values []any) error {
	cells := make([]any, len(values))
	for i, v := range values {
		cell, err := r.cellValue(r.columns[i], v)
		if err != nil {
			return err
		}
		cells[i] = cell
	}
	return r.writeRow(cells)
}

// cellValue is a value as a spreadsheet has it: numbers that it would round are
// texts, and so is everything else but true and false.
func (r *xlsxRenderer) cellValue(c Column, value any) (any, error) {
	switch v := value.(type) {
	case nil, bool:
		return v, nil
	case json.Number:
		if number, err := v.Float64(); err == nil && len(v) <= exactDigits {
			return number, nil
		}
	}
	text := formatValue(value)
	if n := utf8.RuneCountInString(text); n > maxCell {
		return nil, fmt.Errorf("row %d has %d characters in column %s, a cell of a spreadsheet holds %d: use csv", r.n, n, c.Name, maxCell)
	}
	return text, nil
}

func (r *xlsxRenderer) writeRow(cells []any) error {
	if r.n++; r.n > maxSheetRows {
		return fmt.Errorf("there are more rows than the %d of a sheet: use csv", maxSheetRows-1)
	}
	at, err := excelize.CoordinatesToCellName(1, r.n)
	if err == nil {
		err = r.rows.SetRow(at, cells)
	}
	if err != nil {
		return fmt.Errorf("write row %d of the sheet: %w", r.n, err)
	}
	return nil
}

func (r *xlsxRenderer) End() error {
	err := r.rows.Flush()
	if err == nil {
		err = r.book.Write(r.w)
	}
	if closeErr := r.book.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write the workbook: %w", err)
	}
	return nil
}
