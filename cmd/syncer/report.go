package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"logto-syncer/internal/report"
)

// reportCmd is syncer report.
type reportCmd struct {
	Name     string   `arg:"" optional:"" help:"The report; without one they are listed, with their parameters."`
	Params   []string `arg:"" optional:"" name:"param=value" help:"Parameters of the report."`
	Tenant   string   `placeholder:"NAME" help:"Only this tenant; all if none is named."`
	Format   string   `enum:"table,csv,json,md,xlsx" default:"table" placeholder:"F" help:"table, csv, json, md or xlsx, which is safe to open with a spreadsheet (default: table)."`
	Out      string   `placeholder:"FILE" help:"Write to this file; a table as wide as it needs to be."`
	Describe bool     `help:"Say what the report's parameters and columns mean and what it rests on, and do not run it."`
	Wide     bool     `help:"Do not cut a table's columns to the width of the terminal."`
	Reports  string   `placeholder:"DIR" env:"SYNCER_REPORTS" help:"A folder of reports of your own, beside those built in."`
}

// Run is called by kong.
func (c *reportCmd) Run(ctx context.Context, a *app) (err error) {
	if c.Name == "" {
		return c.list(a)
	}
	if c.Format == "xlsx" && c.Out == "" && !c.Describe {
		return usageError{"--format xlsx needs a file", "name it: --out FILE.xlsx"}
	}
	r, err := report.LoadByName(c.Reports, c.Name)
	if errors.Is(err, report.ErrUnknown) {
		return usageError{err.Error(), "syncer report lists them"}
	}
	if err != nil {
		return err
	}
	args, err := c.args()
	if err != nil {
		return err
	}
	cfg, db, err := a.openReadable(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if c.Describe {
		return a.describeReport(ctx, db, r)
	}
	options := report.RunOptions{Args: args, Hash: privacyHashFunc(cfg), Wide: a.out.json || c.Format == "csv" || c.Format == "json" || c.Format == "xlsx"}
	var answer report.AnswerSummary
	err = c.write(a, func(out report.Renderer) (err error) {
		answer, err = report.Run(ctx, db.Pool, r, options, out)
		return err
	})
	if err != nil {
		return classifyReportError(err)
	}
	return c.printNotices(a, answer)
}

// classifyReportError makes a mistake in the arguments one of the command line, and
// what the mirror cannot answer one of the mirror.
func classifyReportError(err error) error {
	if wrong, ok := errors.AsType[*report.ArgumentError](err); ok {
		return usageError{wrong.Error(), wrong.Hint}
	}
	if unanswerable, ok := errors.AsType[*report.UnanswerableError](err); ok {
		return unprovedError{unanswerable.Error(), unanswerable.Hint}
	}
	return err
}

// A noticeLine says what an answer does not say, in JSON.
type noticeLine struct {
	Type   string `json:"type"` // "notice"
	Report string `json:"report"`
	report.Notice
}

// printNotices tells what the answer does not say: below a table that is read on the
// terminal, beside what other programs read. An answer without rows for which
// something is missing is none.
func (c *reportCmd) printNotices(a *app, answer report.AnswerSummary) error {
	w := a.stderr
	if c.Out == "" && (c.Format == "table" || c.Format == "md") && !a.out.json {
		w = a.stdout
	}
	for _, n := range answer.Notices {
		a.out.printJSON(noticeLine{"notice", c.Name, n})
		if !a.out.json && !a.out.quiet {
			fmt.Fprintf(w, "note: %s\n", n)
		}
	}
	if answer.Rows == 0 && len(answer.Notices) > 0 {
		return unprovedError{"no rows, and " + answer.Notices[0].Text, answer.Notices[0].Hint}
	}
	return nil
}

// args returns what the command line gives the report.
func (c *reportCmd) args() (map[string]string, error) {
	args := map[string]string{}
	if c.Tenant != "" {
		args["tenant"] = c.Tenant
	}
	for _, pair := range c.Params {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, usageError{fmt.Sprintf("%q is not written as name=value", pair), "syncer report lists the parameters of each report"}
		}
		args[name] = value
	}
	return args, nil
}

// unlimited is wider than any table.
const unlimited = 1 << 20

// write writes what run tells to where it was asked for.
func (c *reportCmd) write(a *app, run func(report.Renderer) error) (err error) {
	if c.Out != "" {
		f, err := os.Create(c.Out)
		if err != nil {
			return usageError{err.Error(), ""}
		}
		out, err := report.NewRenderer(c.Format, f, unlimited)
		if err == nil {
			err = run(out)
		}
		return errors.Join(err, f.Close())
	}
	if a.out.json {
		return run(&jsonLineRenderer{name: c.Name, out: a.out})
	}
	out, err := report.NewRenderer(c.Format, a.stdout, a.tableWidth(c.Wide))
	if err != nil {
		return err
	}
	return run(out)
}

// narrow is how wide help texts, the demo's tables and terminals that do not
// say their width are.
const narrow = 80

// tableWidth returns how wide a table may be: as wide as the terminal, or as
// the variable COLUMNS says; in a pipe or a file, or with --wide, as wide as it
// needs to be.
func (a *app) tableWidth(wide bool) int {
	if wide {
		return unlimited
	}
	if text, ok := a.env("COLUMNS"); ok {
		if n, err := strconv.Atoi(text); err == nil && n > 0 {
			return n
		}
	}
	f, ok := a.stdout.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return unlimited
	}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width
	}
	return narrow
}

// jsonLineRenderer writes a JSON line a row.
type jsonLineRenderer struct {
	name    string
	out     *output
	columns []report.Column
}

// A reportRowLine is a row of a report, in JSON.
type reportRowLine struct {
	Type   string         `json:"type"` // "row"
	Report string         `json:"report"`
	Row    map[string]any `json:"row"` // by column
}

func (r *jsonLineRenderer) Begin(columns []report.Column) error {
	r.columns = columns
	return nil
}

func (r *jsonLineRenderer) Row(values []any) error {
	row := map[string]any{}
	for i, c := range r.columns {
		row[c.Name] = values[i]
	}
	r.out.printJSON(reportRowLine{"row", r.name, row})
	return nil
}

func (r *jsonLineRenderer) End() error { return nil }

// A reportLine is a report there is, in JSON.
type reportLine struct {
	Type     string      `json:"type"` // "report"
	Name     string      `json:"name"`
	Title    string      `json:"title"`
	Question string      `json:"question"`
	BuiltIn  bool        `json:"built_in"`
	Params   []paramLine `json:"params"`
}

type paramLine struct {
	Name        string  `json:"name"`
	Type        string  `json:"type"`
	Default     *string `json:"default"` // null: it has none, or is null
	Required    bool    `json:"required"`
	Description string  `json:"description"`
}

// list lists the reports, those that can be read even if others cannot.
func (c *reportCmd) list(a *app) error {
	all, err := report.List(c.Reports)
	for _, r := range all {
		a.out.printf("%s\n%s%s", r.Name, wrap(r.Question, "  "), paramsText(r))
		a.out.printJSON(newReportLine(r))
	}
	return err
}

func newReportLine(r *report.Report) reportLine {
	line := reportLine{Type: "report", Name: r.Name, Title: r.Title, Question: r.Question, BuiltIn: r.BuiltIn, Params: []paramLine{}}
	for _, p := range r.Params {
		line.Params = append(line.Params, paramLine(p))
	}
	return line
}

// paramsText writes the parameters of a report, a line each.
func paramsText(r *report.Report) string {
	var out strings.Builder
	for _, p := range r.Params {
		usual := "null"
		switch {
		case p.Required:
			usual = "..."
		case p.Default != nil && *p.Default != "":
			usual = *p.Default
		}
		text := fmt.Sprintf("%s=%s: %s", p.Name, usual, p.Description)
		if words := strings.Split(p.Type, "|"); len(words) > 1 {
			text += " One of " + strings.Join(words, ", ") + "."
		}
		out.WriteString(wrap(text, "    "))
	}
	return out.String()
}

// wrap breaks text into lines for a terminal of 80 columns.
func wrap(text, indent string) string {
	var b strings.Builder
	line := indent
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > narrow && strings.TrimSpace(line) != "" {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent + "  "
		}
		line += word + " "
	}
	return b.String() + strings.TrimRight(line, " ") + "\n"
}
