package report

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-runewidth"
)

// A SQLError is an error in the SQL of a report. It reads as a compiler's does:
//
//	sign_ups.sql:7:8: column "monht" does not exist
//	LINE 7: select monht, count(*)
//	               ^
//	HINT: perhaps you meant to reference the column "month"
type SQLError struct {
	File         string
	Line, Column int // from 1; the column in characters
	Message      string
	Hint         string // empty: none
	Source       string // the line
}

func (m *SQLError) Error() string {
	label := fmt.Sprintf("LINE %d: ", m.Line)
	text := fmt.Sprintf("%s:%d:%d: %s\n%s%s\n%s^", m.File, m.Line, m.Column, m.Message, label, m.Source, strings.Repeat(" ", len(label))+caretPadding(m.Source, m.Column-1))
	if m.Hint != "" {
		text += "\nHINT: " + m.Hint
	}
	return text
}

// caretPadding is as wide as the first so many characters of a line.
func caretPadding(line string, characters int) string {
	var out strings.Builder
	for i, r := range []rune(line) {
		if i >= characters {
			break
		}
		if r == '\t' {
			out.WriteByte('\t')
			continue
		}
		out.WriteString(strings.Repeat(" ", runewidth.RuneWidth(r)))
	}
	return out.String()
}

// mistakeAt is a mistake at a place in the file, in bytes from 0.
func mistakeAt(r *Report, place int, message, hint string) *SQLError {
	before := r.SQL[:min(place, len(r.SQL))]
	begin := strings.LastIndexByte(before, '\n') + 1
	line, _, _ := strings.Cut(r.SQL[begin:], "\n")
	return &SQLError{
		File: r.File, Line: strings.Count(before, "\n") + 1, Column: len([]rune(before[begin:])) + 1,
		Message: message, Hint: hint, Source: strings.TrimRight(line, "\r"),
	}
}

var ofParameter = regexp.MustCompile(`parameter \$(\d+)`)

// explainError turns what Postgres says of a report into a mistake where it names a
// place, and into the name of the parameter where a value does not fit.
func explainError(r *Report, b positionalQuery, err error) error {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return fmt.Errorf("run report %s: %w", r.Name, err)
	}
	if refused.Code == unknownName {
		return &ArgumentError{r.Name, "", refused.Message, refused.Hint}
	}
	if refused.Code == notMirrored || refused.Code == noPast {
		return &UnanswerableError{Notice{refused.Message, refused.Hint}}
	}
	if refused.Position > 0 {
		return mistakeAt(r, b.fileOffset(int(refused.Position)), refused.Message, refused.Hint)
	}
	if found := ofParameter.FindStringSubmatch(refused.Where); found != nil {
		if n, _ := strconv.Atoi(found[1]); n > 0 && n <= len(b.names) {
			return &ArgumentError{r.Name, b.names[n-1], refused.Message, refused.Hint}
		}
	}
	if strings.HasPrefix(refused.Code, "22") || refused.Code == "42601" { // a value that is not of its type
		return &ArgumentError{r.Name, "", refused.Message, refused.Hint}
	}
	return fmt.Errorf("run report %s: %w", r.Name, err)
}

// Codes of errors that functions of schema report raise.
const (
	notMirrored = "LS001"
	noPast      = "LS002"
	unknownName = "LS003"
)

// An UnanswerableError says that the mirror cannot answer a question at all, and
// why: what it needs is not mirrored, or its history begins later.
type UnanswerableError struct{ Notice }

func (e *UnanswerableError) Error() string { return e.Text }
