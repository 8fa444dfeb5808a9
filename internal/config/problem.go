package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one mistake in a configuration file and where it is. It never
// holds the value of a secret or of a variable.
type Problem struct {
	File         string
	Line, Column int    // from 1; the column counts characters
	Field        string // such as tenants[0].limit; empty for the file as a whole
	Message      string // what it must be and what it is
	Hint         string // what to do next; may be empty
}

// Error returns the problem as file:line:column: field: message, and the hint
// on a line of its own.
func (p Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString("\n  hint: " + p.Hint)
	}
	return b.String()
}

// Errors are all the problems of a file, sorted by position, then by field and
// message.
type Errors []Problem

// Error returns the problems one after the other, each on a line of its own.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

func (e Errors) sort() Errors {
	slices.SortFunc(e, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Field, b.Field),
			cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(e)
}
