package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/xuri/excelize/v2"

	"logto-syncer/internal/pgquery"
)

// What is in the files is what is in the table: moments, JSON, lists and nulls.
func TestAParquetFileHoldsTheRowsOfTheTable(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	dir := t.TempDir()
	for _, args := range [][]string{{"run"}, {"export", "users", "report.user_directory", "--format", "parquet", "--out", dir}} {
		if code, _, stderr := inProcess(t, s.env, append(args, "-c", s.dir+"/jobs.yaml")...); code != exitDone {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
	}
	for file, tc := range map[string]struct {
		columns []string
		query   string
	}{
		"users": {
			[]string{"id", "name", "created_at", "last_sign_in_at", "is_suspended", "custom_data"},
			`select concat_ws('|', id, coalesce(name, 'null'), (extract(epoch from created_at) * 1000000)::bigint,
				coalesce((extract(epoch from last_sign_in_at) * 1000000)::bigint::text, 'null'), is_suspended::text, custom_data) from logto.users`,
		},
		"report.user_directory": {
			[]string{"user_id", "roles"},
			"select concat_ws('|', user_id, coalesce(to_jsonb(roles)::text, 'null')) from report.user_directory",
		},
	} {
		want := map[string]bool{}
		for _, row := range must[[]string](t, "read the table")(pgquery.Column[string](t.Context(), s.pool, "ask", tc.query)) {
			want[row] = true
		}
		got := parquetRows(t, filepath.Join(dir, file+".parquet"), tc.columns)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-table +file):\n%s", file, diff)
		}
	}
}

// parquetRows returns columns of the rows of a file, as "a|b|c".
func parquetRows(t *testing.T, path string, columns []string) map[string]bool {
	t.Helper()
	f := must[*os.File](t, "open")(os.Open(path))
	defer f.Close()
	r := parquet.NewReader(f)
	defer r.Close()
	at := map[string]int{}
	for i, column := range r.Schema().Columns() {
		at[column[0]] = i
	}
	all := map[string]bool{}
	buffer := make([]parquet.Row, 50)
	for {
		n, err := r.ReadRows(buffer)
		for _, row := range buffer[:n] {
			cells := make([]string, len(columns))
			for i, column := range columns {
				if cells[i] = fmt.Sprint(row[at[column]]); row[at[column]].IsNull() {
					cells[i] = "null"
				}
			}
			all[strings.Join(cells, "|")] = true
		}
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Both have the columns in the table's order, and a text that looks like a
// formula is one in neither; csv is exact.
func TestExportedColumnsAreInOrderAndTextsAreNoFormulas(t *testing.T) {
	t.Parallel()
	s := newFixture(t)
	dir := t.TempDir()
	if code, _, stderr := inProcess(t, s.env, "run", "-q", "-c", s.dir+"/jobs.yaml"); code != exitDone {
		t.Fatal(stderr)
	}
	formulas := []string{"=1+1", "+1", "-1", "@a", "\t=1", "\r=1"}
	if _, err := s.pool.Exec(t.Context(), `with first as (select id, row_number() over (order by id) as n from logto.users order by id limit 6)
		update logto.users u set name = ($1::text[])[n] from first where first.id = u.id`, formulas); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"csv", "parquet", "xlsx"} {
		if code, _, stderr := inProcess(t, s.env, "export", "users", "--format", format, "--out", dir, "-c", s.dir+"/jobs.yaml"); code != exitDone {
			t.Fatal(stderr)
		}
	}
	columns := must[[]string](t, "list the columns")(pgquery.Column[string](t.Context(), s.pool, "ask",
		"select attname::text from pg_attribute where attrelid = 'logto.users'::regclass and attnum > 0 and attname <> 'item_hash' order by attnum"))

	f := must[*os.File](t, "open")(os.Open(filepath.Join(dir, "users.parquet")))
	defer f.Close()
	var inParquet []string
	opened := must[*parquet.File](t, "read")(parquet.OpenFile(f, must[os.FileInfo](t, "stat")(f.Stat()).Size()))
	text, _ := opened.Lookup("syncer")
	var about manifest
	if err := json.Unmarshal([]byte(text), &about); err != nil || about.ExportedAt.IsZero() || len(about.Listings) != 1 || about.Listings[0].Listing != "users" ||
		about.Listings[0].State != "proved" || about.Listings[0].ReadAt == nil || about.Listings[0].LastProvedAt == nil || about.Tenants[0] != "logto" {
		t.Errorf("the metadata of the file say %q, error %v", text, err)
	}
	for _, column := range parquet.NewReader(f).Schema().Columns() {
		inParquet = append(inParquet, column[0])
	}
	if diff := cmp.Diff(columns, inParquet); diff != "" {
		t.Errorf("columns of Parquet (-table +file):\n%s", diff)
	}

	book := must[*excelize.File](t, "open")(excelize.OpenFile(filepath.Join(dir, "users.xlsx")))
	defer book.Close()
	rows := must[[][]string](t, "read")(book.GetRows("Sheet1"))
	if diff := cmp.Diff(columns, rows[0]); diff != "" {
		t.Errorf("columns of the workbook (-table +file):\n%s", diff)
	}
	name := slices.Index(columns, "name")
	found := map[string]bool{}
	for i := range rows[1:] {
		cell := must[string](t, "name a cell")(excelize.CoordinatesToCellName(name+1, i+2))
		if formula, err := book.GetCellFormula("Sheet1", cell); err != nil || formula != "" {
			t.Errorf("%s is the formula %q, %v", cell, formula, err)
		}
		found[must[string](t, "read a cell")(book.GetCellValue("Sheet1", cell))] = true
	}
	exact := must[[]byte](t, "read")(os.ReadFile(filepath.Join(dir, "users.csv")))
	for _, text := range formulas[:4] { // tab and carriage return are white space in a cell
		if !found[text] {
			t.Errorf("the workbook has no %q", text)
		}
		if !strings.Contains(string(exact), ","+text+",") {
			t.Errorf("the csv file has no %q", text)
		}
	}
}
