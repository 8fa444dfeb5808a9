package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Parse is Load for a file that is already in memory; name is its name in problems.
// The error is an Errors with every problem of the file, or with the first one if
// the file is not YAML.
func Parse(name string, data []byte, env func(string) (string, bool), known []string) (*Config, error) {
	return parse(&decoder{file: name, env: env}, data, known)
}

// load is parse for the decoder's file.
func load(d *decoder, known []string) (*Config, error) {
	data, err := os.ReadFile(d.file)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return parse(d, data, known)
}

func parse(d *decoder, data []byte, known []string) (*Config, error) {
	d.fields = map[string]*fieldState{}
	root, problem := parseYAML(data)
	if problem != nil {
		problem.File = d.file
		return nil, Errors{*problem}
	}
	c := new(Config)
	d.value("", root, reflect.ValueOf(c).Elem())
	setDefaultsAndCheck(d, c, known)
	if len(d.problems) > 0 {
		return nil, d.problems.sort()
	}
	c.Warnings = d.warnings.sort()
	c.positions = d.fieldPositions()
	return c, nil
}

// parseYAML returns the file's only document; an empty file is an empty
// mapping.
func parseYAML(data []byte) (*yaml.Node, *Problem) {
	if p := invalidCharacter(data); p != nil {
		return nil, p
	}
	var docs []yaml.Node
	if err := yaml.Load(data, &docs, yaml.WithAllDocuments()); err != nil {
		return nil, syntaxProblem(err)
	}
	switch {
	case len(docs) > 1:
		return nil, &Problem{
			Line: max(docs[1].Line, 1), Column: max(docs[1].Column, 1),
			Message: "must be one YAML document, a second one begins after ---",
		}
	case len(docs) == 0 || len(docs[0].Content) == 0 || docs[0].Content[0].Tag == "!!null":
		return &yaml.Node{Kind: yaml.MappingNode, Line: 1, Column: 1}, nil
	}
	return docs[0].Content[0], nil
}

// invalidCharacter finds the first character that YAML does not allow: the YAML reader
// finds it too, but does not say where.
func invalidCharacter(data []byte) *Problem {
	line, column := 1, 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			return &Problem{Line: line, Column: column, Message: "must be UTF-8 text, this byte is not"}
		case r == '\n':
			line, column = line+1, 0
		case unicode.IsControl(r) && r != '\t' && r != '\r' && r != 0x85:
			return &Problem{Line: line, Column: column, Message: "must not contain control characters"}
		}
		data = data[size:]
		column++
	}
	return nil
}

// syntaxProblem takes position and reason out of what the YAML parser says,
// and leaves out what might be a value.
func syntaxProblem(err error) *Problem {
	p := &Problem{Line: 1, Column: 1, Message: "not valid YAML"}
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return p
	}
	p.Line, p.Column = max(le.Mark.Line, 1), max(le.Mark.Column, 1)
	switch reason := le.Message; {
	case strings.HasPrefix(reason, "unknown anchor"):
		p.Message += ": unknown anchor"
		p.Hint = "put text that begins with * in quotes"
	case strings.Contains(reason, "cannot start any token"):
		p.Message += ": " + reason
		p.Hint = "put text that begins with %, @ or ` in quotes, and indent lines with spaces"
	case strings.Contains(reason, "mapping values are not allowed"):
		p.Message += ": " + reason
		p.Hint = "put text that contains a colon and a space in quotes; keys of one mapping begin in the same column"
	default:
		p.Message += ": " + reason
		if le.ContextMsg != "" {
			p.Message += fmt.Sprintf(" %s that begins at %d:%d", le.ContextMsg, le.ContextMark.Line, le.ContextMark.Column)
		}
	}
	return p
}
