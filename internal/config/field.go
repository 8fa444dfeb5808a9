package config

import (
	"strings"

	"go.yaml.in/yaml/v4"
)

// A decodedField is what the file has at a path such as tenants[0].limit.
type decodedField struct {
	line, column int
	set          bool     // there, and not empty
	bad          bool     // a problem is reported already
	vars         []string // the variables its value was made of
	text         string   // the value of a scalar, expanded
	secret       bool     // never shown
	bare         bool     // a number, true or false: shown without quotes
}

// fieldAt returns what the file has at path, the zero field if it has nothing.
func (d *decoder) fieldAt(path string) decodedField {
	if f := d.fields[path]; f != nil {
		return *f
	}
	return decodedField{}
}

// isValid reports whether path has a value without a known problem.
func (d *decoder) isValid(path string) bool { return d.fieldAt(path).set && !d.fieldAt(path).bad }

// report adds a problem with the field at path; where the file has no such
// field, its position is that of what should have held it.
func (d *decoder) report(path, message, hint string) {
	d.problems = append(d.problems, d.newProblem(path, message, hint))
	if d.fields[path] == nil {
		d.fields[path] = &decodedField{line: d.nearestField(path).line, column: d.nearestField(path).column}
	}
	d.fields[path].bad = true
}

func (d *decoder) warn(path, message, hint string) {
	d.warnings = append(d.warnings, d.newProblem(path, message, hint))
}

func (d *decoder) newProblem(path, message, hint string) Problem {
	at := d.nearestField(path)
	return Problem{File: d.file, Line: at.line, Column: at.column, Field: path, Message: message, Hint: hint}
}

// reportAt adds a problem at a key, which is not a field.
func (d *decoder) reportAt(n *yaml.Node, path, message, hint string) {
	d.problems = append(d.problems, Problem{
		File: d.file, Line: n.Line, Column: n.Column, Field: path, Message: message, Hint: hint,
	})
}

// nearestField is where path is, or the nearest thing around it.
func (d *decoder) nearestField(path string) decodedField {
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
