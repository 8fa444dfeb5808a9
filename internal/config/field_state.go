package config

import (
	"go.yaml.in/yaml/v4"
)

// A fieldState is what the file has at a path such as tenants[0].limit.
type fieldState struct {
	position
	set    bool     // there, and not empty
	bad    bool     // a problem is reported already
	vars   []string // the variables its value was made of
	text   string   // the value of a scalar, expanded
	secret bool     // never shown
	bare   bool     // a number, true or false: shown without quotes
}

// fieldAt returns what the file has at path, the zero field if it has nothing.
func (d *decoder) fieldAt(path string) fieldState {
	if f := d.fields[path]; f != nil {
		return *f
	}
	return fieldState{}
}

// isValid reports whether path has a value without a known problem.
func (d *decoder) isValid(path string) bool { return d.fieldAt(path).set && !d.fieldAt(path).bad }

// report adds a problem with the field at path; where the file has no such
// field, its position is that of what should have held it.
func (d *decoder) report(path, message, hint string) {
	d.problems = append(d.problems, d.newProblem(path, message, hint))
	if d.fields[path] == nil {
		d.fields[path] = &fieldState{position: d.nearestPosition(path)}
	}
	d.fields[path].bad = true
}

// reportUnless reports the field at path if it has a value that is not as it must be.
func (d *decoder) reportUnless(ok bool, path, must, hint string) {
	if d.isValid(path) && !ok {
		d.report(path, "must be "+must+", is "+d.shownValue(path), hint)
	}
}

// setDefault sets v to the default unless the file has a value at path.
func setDefault[T any](d *decoder, path string, v *T, value T) {
	if !d.fieldAt(path).set {
		*v = value
	}
}

func (d *decoder) warn(path, message, hint string) {
	d.warnings = append(d.warnings, d.newProblem(path, message, hint))
}

func (d *decoder) newProblem(path, message, hint string) Problem {
	return d.nearestPosition(path).problem(d.file, path, message, hint)
}

// reportAt adds a problem at a key, which is not a field.
func (d *decoder) reportAt(n *yaml.Node, path, message, hint string) {
	d.problems = append(d.problems, position{n.Line, n.Column}.problem(d.file, path, message, hint))
}

// nearestPosition is where path is, or the nearest thing around it.
func (d *decoder) nearestPosition(path string) position {
	for at := range enclosingPaths(path) {
		if f := d.fields[at]; f != nil {
			return f.position
		}
	}
	return d.fields[""].position
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
