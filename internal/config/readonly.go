package config

import (
	"iter"
	"strings"
)

// missingVariable marks the problem of a variable that is not set, until the
// problem gets the field it was found in.
const missingVariable = "${}"

// LoadReadOnly is Load for commands that only read the mirror. They need no
// tenant's secret: a field whose variable is not set is left empty instead of
// being a mistake, but for the address of the database. Such a Config must not
// be used to send requests or to write.
func LoadReadOnly(path string, env func(string) (string, bool), known []string) (*Config, error) {
	return load(&decoder{file: path, env: env, readOnly: true}, known)
}

// positions says where the fields of a file are. It holds no values.
type positions struct {
	file string
	at   map[string]position // by path
}

// A position is a line and a column, from 1.
type position struct{ line, column int }

func (at position) problem(file, field, message, hint string) Problem {
	return Problem{File: file, Line: at.line, Column: at.column, Field: field, Message: message, Hint: hint}
}

func (d *decoder) fieldPositions() positions {
	p := positions{file: d.file, at: map[string]position{}}
	for path, f := range d.fields {
		p.at[path] = f.position
	}
	return p
}

// enclosingPaths yields the path of a field, such as tenants[0].limit, and those of the
// fields around it, from the inside out.
func enclosingPaths(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for yield(path) {
			i := strings.LastIndexAny(path, ".[")
			if i < 0 {
				return
			}
			path = path[:i]
		}
	}
}

// Problem returns a mistake found after loading, at the position in the file
// of the field, such as privacy.tables.users.name, or of the nearest field
// around it.
func (c *Config) Problem(fieldPath, message, hint string) Problem {
	found := position{1, 1}
	for path := range enclosingPaths(fieldPath) {
		if at, ok := c.positions.at[path]; ok {
			found = at
			break
		}
	}
	return found.problem(c.positions.file, fieldPath, message, hint)
}

// JoinProblems returns problems as an Errors, sorted by position; nil if there are
// none.
func JoinProblems(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	return Errors(problems).sort()
}
