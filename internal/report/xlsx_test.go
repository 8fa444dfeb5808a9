package report_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"logto-syncer/internal/report"
)

// What a spreadsheet would change stays a text: formulas, times, integers of more
// than 15 digits. The longest text that a cell holds is whole.
func TestAWorkbookHoldsWhatTheAnswerSays(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("ü", 32_767)
	want := []string{"=1+1", "+1", "-1", "@a", "2026-11-01 02:00:00.123+00", "9007199254740993", "123456789012345", longest}
	var columns []report.Column
	var row []any
	for i, text := range want {
		columns = append(columns, report.Column{Name: string(rune('a' + i)), Type: "text"})
		row = append(row, text)
	}
	row[5], row[6] = json.Number(want[5]), json.Number(want[6])
	path := filepath.Join(t.TempDir(), "book.xlsx")
	if err := os.WriteFile(path, []byte(rendered(t, "xlsx", 0, columns, [][]any{row})), 0o600); err != nil {
		t.Fatal(err)
	}
	book, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	for i, text := range want {
		cell, err := excelize.CoordinatesToCellName(i+1, 2)
		if err != nil {
			t.Fatal(err)
		}
		got, err := book.GetCellValue("Sheet1", cell, excelize.Options{RawCellValue: true})
		kind, kindErr := book.GetCellType("Sheet1", cell)
		formula, formulaErr := book.GetCellFormula("Sheet1", cell)
		if isNumber := i == 6; err != nil || kindErr != nil || formulaErr != nil || got != text || formula != "" || (kind == excelize.CellTypeInlineString) == isNumber {
			t.Errorf("%.30q: cell %.30q of type %v, formula %q, errors %v, %v, %v", text, got, kind, formula, err, kindErr, formulaErr)
		}
	}
}

// What a sheet cannot hold is refused and not cut: a longer text, and the row
// after the last.
func TestAWorkbookRefusesWhatASheetCannotHold(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	r, err := report.NewRenderer("xlsx", &out, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Begin([]report.Column{{Name: "n"}}); err != nil {
		t.Fatal(err)
	}
	if err := r.Row([]any{strings.Repeat("ü", 32_768)}); err == nil || !strings.Contains(err.Error(), "32768 characters in column n, a cell of a spreadsheet holds 32767: use csv") {
		t.Errorf("error = %v", err)
	}
	for n := range 1_048_575 {
		if err := r.Row([]any{true}); err != nil {
			t.Fatalf("row %d: %v", n+1, err)
		}
	}
	if err := r.Row([]any{true}); err == nil || !strings.Contains(err.Error(), "more rows than the 1048575 of a sheet: use csv") {
		t.Errorf("error = %v", err)
	}
	if err := r.End(); err != nil || out.Len() == 0 {
		t.Errorf("the workbook has %d bytes, error %v", out.Len(), err)
	}
}
