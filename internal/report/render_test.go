package report_test

import (
	"encoding/json"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"

	"logto-syncer/internal/report"
)

// wantNarrow fails if a table does not fit a terminal of 80 columns.
func wantNarrow(t *testing.T, table string) {
	t.Helper()
	for line := range strings.Lines(table) {
		if w := runewidth.StringWidth(strings.TrimSuffix(line, "\n")); w > 80 {
			t.Errorf("a line is %d columns wide: %s", w, line)
		}
	}
}

func TestAnAnswerIsRendered(t *testing.T) {
	t.Parallel()
	columns := []report.Column{{Name: "name", Type: "text"}, {Name: "n", Type: "int8", Numeric: true}, {Name: "at", Type: "timestamptz"}, {Name: "list", Type: "_text"}}
	rows := [][]any{
		{"株式会社", json.Number("7"), "2026-11-01 00:00:00+00", []any{"a|b", "c_d"}},
		{"\x1b[31mred\nline", json.Number("12345"), nil, []any{}},
	}
	for format, want := range map[string]string{
		"table": "name               n  at                      list\n" +
			"-------------  -----  ----------------------  --------\n" +
			"株式会社           7  2026-11-01 00:00:00+00  a|b, c_d\n" +
			"\ufffd[31mred line  12345\n(2 rows)\n",
		"csv":  "name,n,at,list\n株式会社,7,2026-11-01 00:00:00+00,\"a|b, c_d\"\n\"\x1b[31mred\nline\",12345,,\n",
		"json": "[\n {\"name\": \"株式会社\", \"n\": 7, \"at\": \"2026-11-01T00:00:00Z\", \"list\": [\"a|b\",\"c_d\"]},\n {\"name\": \"\\u001b[31mred\\nline\", \"n\": 12345, \"at\": null, \"list\": []}\n]\n",
		"md":   "| name | n | at | list |\n| --- | ---: | --- | --- |\n| 株式会社 | 7 | 2026-11-01 00:00:00+00 | a\\|b, c\\_d |\n| \x1b\\[31mred<br>line | 12345 |  |  |\n",
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			if diff := gocmp.Diff(want, rendered(t, format, 80, columns, rows)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestATableFitsTheWidth(t *testing.T) {
	t.Parallel()
	columns := []report.Column{{Name: "id"}, {Name: "description"}}
	rows := [][]any{{"1", "a long description"}, {"2", "short"}}
	for name, tc := range map[string]struct {
		width int
		want  string
	}{
		"with room":       {80, "id  description\n--  ------------------\n1   a long description\n2   short\n(2 rows)\n"},
		"with little":     {16, "id  description\n--  ------------\n1   a long desc…\n2   short\n(2 rows)\n"},
		"with too little": {9, "id           1\ndescription  a long\n              descr\n             iption\n\nid           2\ndescription  short\n\n(2 rows)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := gocmp.Diff(tc.want, rendered(t, "table", tc.width, columns, rows)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOneRowThatDoesNotFitIsShownWhole(t *testing.T) {
	t.Parallel()
	columns := []report.Column{{Name: "id"}, {Name: "description"}}
	want := "id           1\ndescription  a long \n             descrip\n             tion\n\n(1 row)\n"
	want = strings.ReplaceAll(want, "long \n", "long\n")
	if diff := gocmp.Diff(want, rendered(t, "table", 20, columns, [][]any{{"1", "a long description"}})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALongTableKeepsItsColumns(t *testing.T) {
	t.Parallel()
	rows := make([][]any, 1500)
	for i := range rows {
		rows[i] = []any{strings.Repeat("x", 1+i/1200*20)}
	}
	lines := strings.Split(rendered(t, "table", 80, []report.Column{{Name: "name"}}, rows), "\n")
	if lines[1] != "----" || lines[1401] != "xxx…" || len(lines) != 1504 {
		t.Errorf("%d lines, rule %q, a late one %q", len(lines), lines[1], lines[1401])
	}
}

func rendered(t *testing.T, format string, width int, columns []report.Column, rows [][]any) string {
	t.Helper()
	var out strings.Builder
	r, err := report.NewRenderer(format, &out, width)
	if err == nil {
		err = r.Begin(columns)
	}
	for _, row := range rows {
		if err == nil {
			err = r.Row(row)
		}
	}
	if err == nil {
		err = r.End()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
