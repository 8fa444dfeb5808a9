package config

import (
	"fmt"
	"os"
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
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	d := &decoder{file: path, env: env, fields: map[string]*decodedField{}, readOnly: true}
	return parse(d, data, known)
}

// positions says where the fields of a file are. It holds no values.
type positions struct {
	file string
	at   map[string]position // by path
}

type position struct{ line, column int }

func (d *decoder) collectPositions() positions {
	p := positions{file: d.file, at: map[string]position{}}
	for path, f := range d.fields {
		p.at[path] = position{f.line, f.column}
	}
	return p
}

// Problem returns a mistake found after loading, at the position in the file
// of the field, such as privacy.tables.users.name, or of the nearest field
// around it.
func (c *Config) Problem(fieldPath, message, hint string) Problem {
	p := Problem{File: c.positions.file, Line: 1, Column: 1, Field: fieldPath, Message: message, Hint: hint}
	path := fieldPath
	for {
		if at, ok := c.positions.at[path]; ok {
			p.Line, p.Column = at.line, at.column
			return p
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return p
		}
		path = path[:i]
	}
}

// JoinProblems returns problems as an Errors, sorted by position; nil if there are
// none.
func JoinProblems(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	return Errors(problems).sort()
}
