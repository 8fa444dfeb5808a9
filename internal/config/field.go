package config

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// A field is what the file has at a path such as tenants[0].limit.
type field struct {
	line, column int
	set          bool     // there, and not empty
	bad          bool     // a problem is reported already
	vars         []string // the variables its value was made of
	text         string   // the value of a scalar, expanded
	secret       bool     // never shown
	bare         bool     // a number, true or false: shown without quotes
}

// is returns what the file has at path, the zero field if it has nothing.
func (d *decoder) is(path string) field {
	if f := d.fields[path]; f != nil {
		return *f
	}
	return field{}
}

// ok reports whether path has a value without a known problem.
func (d *decoder) ok(path string) bool { return d.is(path).set && !d.is(path).bad }

// report adds a problem with the field at path; where the file has no such
// field, its position is that of what should have held it.
func (d *decoder) report(path, message, hint string) {
	d.problems = append(d.problems, d.problem(path, message, hint))
	if d.fields[path] == nil {
		d.fields[path] = &field{line: d.place(path).line, column: d.place(path).column}
	}
	d.fields[path].bad = true
}

func (d *decoder) warn(path, message, hint string) {
	d.warnings = append(d.warnings, d.problem(path, message, hint))
}

func (d *decoder) problem(path, message, hint string) Problem {
	at := d.place(path)
	return Problem{File: d.file, Line: at.line, Column: at.column, Field: path, Message: message, Hint: hint}
}

// reportAt adds a problem at a key, which is not a field.
func (d *decoder) reportAt(n *yaml.Node, path, message, hint string) {
	d.problems = append(d.problems, Problem{
		File: d.file, Line: n.Line, Column: n.Column, Field: path, Message: message, Hint: hint,
	})
}

// place is where path is, or the nearest thing around it.
func (d *decoder) place(path string) field {
	for {
		if f := d.fields[path]; f != nil {
			return *f
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return *d.fields[""]
		}
		path = path[:i]
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
