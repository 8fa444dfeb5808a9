package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"
)

// A Report is a question, written as a file of SQL with a head:
//
//	-- title: Sign-ups by month
//	-- question: How many people signed up each month, and how many came back?
//	-- param tenant text = null: Tenant to ask about; null: all.
//	-- param since date = 2025-01-01: First day that counts, in UTC.
//	-- column came_back: How many of them have signed in again.
//	select ... where created_at >= @since
//
// A line of the head that begins with "--" and two spaces or more continues
// the line before. A parameter without a default has to be given; the default
// is written as Postgres reads a value of the type (yesterday is a date), and
// ends with the first colon that a space follows.
type Report struct {
	Name     string // of the file, without .sql
	File     string // as errors name it: its path, or NAME.sql of a built-in one
	BuiltIn  bool
	Title    string
	Question string
	Params   []Param
	Columns  map[string]string // what columns mean, as the head says it
	SQL      string            // the file, head included
}

// A Param is a parameter of a report. In the SQL it is @name.
type Param struct {
	Name string
	// Type is text, integer, bigint, numeric, boolean, date, timestamptz, jsonb or
	// text[]; tenant; what the value names: user, organization, role,
	// organization_role, permission, resource or table, role_ever and
	// organization_ever for those that are gone, too; or words to choose from, as
	// month|week|day. A name becomes an id, the name of a permission or table, or
	// the indicator of a resource, and is a text in the SQL.
	Type        string
	Default     *string
	Required    bool // no default; Default nil and not Required: null
	Description string
}

// paramTypeOIDs are the types a parameter may have.
func paramTypeOIDs() map[string]uint32 {
	return map[string]uint32{
		"text": pgtype.TextOID, "integer": pgtype.Int4OID, "bigint": pgtype.Int8OID, "numeric": pgtype.NumericOID, "boolean": pgtype.BoolOID,
		"date": pgtype.DateOID, "timestamptz": pgtype.TimestamptzOID, "jsonb": pgtype.JSONBOID, "text[]": pgtype.TextArrayOID,
	}
}

// oid is the type the SQL sees; 0: there is no such type.
func (p Param) oid() uint32 {
	if oid, ok := paramTypeOIDs()[p.Type]; ok {
		return oid
	}
	if p.Type == "tenant" || nameKinds()[p.Type] != "" || strings.Contains(p.Type, "|") {
		return pgtype.TextOID
	}
	return 0
}

var paramForm = regexp.MustCompile(`^([a-z_][a-z0-9_]*) +([A-Za-z0-9_|\[\]]+)(?: *= *(.*?))?: +(.+)$`)

// Parse reads a report from the text of its file. The error names file and
// line.
func Parse(name, file, text string) (*Report, error) {
	r := &Report{Name: name, File: file, SQL: text}
	lines, numbers := readHeadLines(text)
	for i, line := range lines {
		if err := r.parseHeadLine(line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, numbers[i], err)
		}
	}
	if r.Title == "" || r.Question == "" {
		return nil, fmt.Errorf("%s:1: the head lacks a title or a question, lines \"-- title: ...\" and \"-- question: ...\"", file)
	}
	used, err := numberParameters(r)
	if err != nil {
		return nil, err
	}
	for _, p := range r.Params {
		if !slices.Contains(used.names, p.Name) {
			return nil, fmt.Errorf("%s:1: parameter %s is never used: @%s is not in the SQL", file, p.Name, p.Name)
		}
	}
	return r, nil
}

// readHeadLines returns the lines of the comment a file begins with, continued
// ones joined, and the number of each.
func readHeadLines(text string) (lines []string, numbers []int) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		comment, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "--")
		if !ok {
			break
		}
		if strings.HasPrefix(comment, "  ") && len(lines) > 0 {
			lines[len(lines)-1] += " " + strings.TrimSpace(comment)
			continue
		}
		lines, numbers = append(lines, strings.TrimSpace(comment)), append(numbers, number)
	}
	return lines, numbers
}

func (r *Report) parseHeadLine(line string) error {
	if title, ok := strings.CutPrefix(line, "title:"); ok {
		r.Title = strings.TrimSpace(title)
	}
	if question, ok := strings.CutPrefix(line, "question:"); ok {
		r.Question = strings.TrimSpace(question)
	}
	if column, ok := strings.CutPrefix(line, "column "); ok {
		name, meaning, ok := strings.Cut(column, ": ")
		if !ok {
			return fmt.Errorf("column %q is not written as \"-- column NAME: meaning\"", column)
		}
		if r.Columns == nil {
			r.Columns = map[string]string{}
		}
		r.Columns[strings.TrimSpace(name)] = strings.TrimSpace(meaning)
	}
	param, ok := strings.CutPrefix(line, "param ")
	if !ok {
		return nil
	}
	parts := paramForm.FindStringSubmatch(strings.TrimSpace(param))
	if parts == nil {
		return fmt.Errorf("parameter %q is not written as \"-- param NAME TYPE = DEFAULT: description\"", param)
	}
	p := Param{Name: parts[1], Type: parts[2], Description: parts[4], Required: !strings.Contains(strings.SplitN(param, ": ", 2)[0], "=")}
	if p.oid() == 0 {
		return fmt.Errorf("parameter %s: unknown type %q: it must be text, integer, bigint, numeric, boolean, date, timestamptz, jsonb, text[], tenant, "+
			"user, organization, organization_ever, role, role_ever, organization_role, permission, resource, table, or words with | in between", p.Name, p.Type)
	}
	if slices.ContainsFunc(r.Params, func(other Param) bool { return other.Name == p.Name }) {
		return fmt.Errorf("parameter %s is there twice", p.Name)
	}
	if !p.Required && parts[3] != "null" {
		p.Default = &parts[3]
	}
	r.Params = append(r.Params, p)
	return nil
}
