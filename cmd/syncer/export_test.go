package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/parquet-go/parquet-go"
)

// What is in the files is what is in the table: moments, JSON, lists and nulls.
func TestAParquetFileHoldsTheRowsOfTheTable(t *testing.T) {
	t.Parallel()
	s := newStand(t)
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
		for _, row := range must[[]string](t, "read the table")(collectText(must[pgx.Rows](t, "ask")(s.pool.Query(t.Context(), tc.query)))) {
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
