package report_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/postgres/pgtest"
	"logto-syncer/internal/report"
)

// examples are values for the parameters that have no default.
func examples() map[string]string {
	return map[string]string{
		"who": "duplicate001", "scope": "read:orders", "organization": "Feed Org", "role": "support", "at": "2126-11-01", "query": "anna",
	}
}

func TestEveryBuiltInReportRunsInEveryFormat(t *testing.T) {
	t.Parallel()
	all, err := report.List("")
	if err != nil || len(all) < 20 {
		t.Fatalf("%d reports, error %v", len(all), err)
	}
	pool := mirrored(t)
	for _, r := range all {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			args := map[string]string{"tenant": acme}
			for _, p := range r.Params {
				if p.Required {
					args[p.Name] = examples()[p.Name]
				}
			}
			for _, format := range report.Formats() {
				var out strings.Builder
				renderer, err := report.NewRenderer(format, &out, 80)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := report.Run(t.Context(), pool, r, report.RunOptions{Args: args}, renderer); err != nil {
					t.Fatalf("%s: %v", format, err)
				}
				if format == "table" {
					wantNarrow(t, out.String())
				}
			}
		})
	}
}

// write puts a report into a folder of the user's.
func write(t *testing.T, folder, name, sql string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name+".sql"), []byte(sql), 0o600); err != nil {
		t.Fatal(err)
	}
}

const head = "-- title: Test\n-- question: Does it work?\n"

func TestAFileInTheUsersFolderIsAReport(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, "mine", head+"-- param n integer = 3: How many,\n--   at most.\nselect @n as n")
	write(t, folder, "freshness", head+"select 'mine' as whose")
	write(t, folder, "broken", "select 1")

	all, err := report.List(folder)
	if err == nil || !strings.Contains(err.Error(), "broken.sql:1: the head lacks a title") {
		t.Errorf("error = %v, want one about broken.sql", err)
	}
	found := map[string]*report.Report{}
	for _, r := range all {
		found[r.Name] = r
	}
	if found["freshness"] == nil || found["freshness"].BuiltIn || found["broken"] != nil || found["user"] == nil {
		t.Errorf("reports = %v", found)
	}
	three := "3"
	want := []report.Param{{Name: "n", Type: "integer", Default: &three, Description: "How many, at most."}}
	if diff := gocmp.Diff(want, found["mine"].Params); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
	if _, err := report.LoadByName(folder, "min"); !errors.Is(err, report.ErrUnknown) || !strings.Contains(err.Error(), `did you mean "mine"?`) {
		t.Errorf("error = %v", err)
	}
	if _, err := report.LoadByName(folder, "../mine"); !errors.Is(err, report.ErrUnknown) {
		t.Errorf("error = %v", err)
	}
	if _, err := report.List(filepath.Join(folder, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error = %v", err)
	}
}

func TestAHeadThatCannotBeReadIsRefusedByItsLine(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ sql, want string }{
		"an unknown type":             {head + "-- param n int8: N.\nselect @n", `x.sql:3: parameter n: unknown type "int8": it must be text,`},
		"a parameter without type":    {head + "-- param n: N.\nselect @n", `x.sql:3: parameter "n: N."`},
		"a parameter there twice":     {head + "-- param n text: N.\n-- param n text: N.\nselect @n", "x.sql:4: parameter n is there twice"},
		"a parameter that is unused":  {head + "-- param n text: N.\nselect '@n', 1 -- @n", "x.sql:1: parameter n is never used"},
		"a parameter not in the head": {head + "select 1,\n\t@m", "x.sql:4:2: @m is not a parameter of this report\nLINE 4: \t@m\n        \t^\nHINT: declare it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := report.Parse("x", "x.sql", tc.sql)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("error:\n%v\nwant it to begin:\n%s", err, tc.want)
			}
		})
	}
}

func TestAReportIsRun(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	for name, tc := range map[string]struct {
		sql  string
		args map[string]string
		csv  string // what it says
		err  string // or how its error begins
	}{
		"with a value that looks like SQL": {
			sql: "-- param x text: X.\nselect @x as x, @x || '!' as y", args: map[string]string{"x": "'; drop table logto.users; --"},
			csv: "x,y\n'; drop table logto.users; --,'; drop table logto.users; --!\n",
		},
		"with what looks like a parameter and is none": {
			sql: "-- param x text = a: X.\nselect '@y' as a, \"@z\", $q$ @x $q$ as c, '[1]'::jsonb @> '1' as d, 1 /* @u /* @v */ */ from (select @x as \"@z\") s",
			csv: "a,@z,c,d,?column?\n@y,a,\" @x \",true,1\n",
		},
		"with values of every type": {
			sql: "-- param a integer = 1: A.\n-- param b numeric = 1.50: B.\n-- param c boolean = yes: C.\n-- param d date = 2026-02-28: D.\n" +
				"-- param e timestamptz = 2026-11-01 02:00+02: E.\n-- param f jsonb = {\"k\":1}: F.\n-- param g text[] = {a,b}: G.\n-- param h text = null: H.\n" +
				"select @a as a, @b as b, @c as c, @d as d, @e as e, @f as f, @g as g, @h as h",
			csv: "a,b,c,d,e,f,g,h\n1,1.50,true,2026-02-28,2026-11-01 00:00:00+00,\"{\"\"k\"\": 1}\",\"a, b\",\n",
		},
		"that finds nothing":           {sql: "select 1 as n where false", csv: "n\n"},
		"that would write":             {sql: "delete from logto.user_roles", err: "run report x: ERROR: cannot execute DELETE in a read-only transaction"},
		"without a value it must have": {sql: "-- param x text: What to ask.\nselect @x", err: "report x: x: is required: What to ask."},
		"with a parameter it lacks": {
			sql: "-- param since date = today: X.\nselect @since", args: map[string]string{"sinc": "1"}, err: "report x: it has no parameter sinc",
		},
		"with a value that does not fit": {
			sql: "-- param a text = a: A.\n-- param n integer: N.\nselect @a, @n", args: map[string]string{"n": "lots"},
			err: `report x: n: invalid input syntax for type integer: "lots"`,
		},
		"with a column that is not there": {
			sql: "-- param ü text = é: É.\nselect 1", err: `x.sql:3: parameter "ü`,
		},
		"with a mistake after a parameter": {
			sql: "-- param name text = é: É.\nselect @name as é,\n  'é' || @name, primary_emial\nfrom logto.users",
			err: "x.sql:5:17: column \"primary_emial\" does not exist\nLINE 5:   'é' || @name, primary_emial\n                        ^\nHINT: Perhaps you meant",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			renderer, err := report.NewRenderer("csv", &out, 80)
			if err != nil {
				t.Fatal(err)
			}
			r, err := report.Parse("x", "x.sql", head+tc.sql)
			if err == nil {
				_, err = report.Run(t.Context(), pool, r, report.RunOptions{Args: tc.args}, renderer)
			}
			if tc.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tc.err) {
					t.Errorf("error:\n%v\nwant it to begin:\n%s", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(tc.csv, out.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// errGone is what a reader who has gone away answers.
var errGone = errors.New("gone")

// goneReader reads three rows and goes away.
type goneReader struct{ rows int }

func (*goneReader) Begin([]report.Column) error { return nil }
func (*goneReader) End() error                  { return nil }
func (g *goneReader) Row([]any) error {
	if g.rows++; g.rows > 3 {
		return errGone
	}
	return nil
}

// TestAReaderWhoGoesAwayEndsTheReport sees by the connection that the rest was
// not read: it is given up with it.
func TestAReaderWhoGoesAwayEndsTheReport(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), pgtest.NewDatabaseURL(t, mirrorRecorded))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	r, err := report.Parse("x", "x.sql", head+"select generate_series(1, 5000000) as n") // streams: after from it would be stored first
	if err != nil {
		t.Fatal(err)
	}
	if _, err := report.Run(t.Context(), conn, r, report.RunOptions{}, &goneReader{}); !errors.Is(err, errGone) {
		t.Errorf("error = %v", err)
	}
	if !conn.IsClosed() {
		t.Error("the rest of the answer was read")
	}
}

func FuzzParse(f *testing.F) {
	for _, sql := range []string{
		"select 1", head + "-- param n integer = 1: N.\nselect @n", head + "select $a$ @x $a$, '@', \"@\", /* /* @ */ */ 1 -- @", head + "/*", head + "$$", head + "'\xff@",
	} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		r, err := report.Parse("x", "x.sql", sql)
		if (r == nil) == (err == nil) {
			t.Errorf("report %v, error %v", r, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "x.sql:") {
			t.Errorf("error does not say where: %v", err)
		}
	})
}
