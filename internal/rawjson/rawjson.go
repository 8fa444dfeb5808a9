// Package rawjson splits JSON values without decoding them. It is for values that
// jsontext has validated: reading them with jsontext again would make loading a
// million users take 8.9 s of processor time instead of 6.8 s. For invalid JSON the
// functions return an error or a wrong result, but do not panic.
//
// The package is lenient where strictness would lose a row: every occurrence of a
// repeated name counts, and invalid UTF-8 becomes U+FFFD when a string is unquoted.
// The slices it returns alias the value. Functions may be called concurrently.
package rawjson

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

var (
	errKind = errors.New("another kind of value")
	errJSON = errors.New("not JSON")
)

// Members calls f for each member of an object, in order. name is unquoted and valid
// only until f returns. Members stops at an error of f and returns it.
func Members(object jsontext.Value, f func(name []byte, value jsontext.Value) error) error {
	s, err := open(object, '{')
	if err != nil {
		return fmt.Errorf("read an object: %w", err)
	}
	for s.peekKind() == '"' {
		quoted := s.takeValue()
		if endsContainer(s.peekKind()) {
			return fmt.Errorf("read an object: %w", errJSON)
		}
		value := s.takeValue()
		name := []byte(quoted[1:max(1, len(quoted)-1)])
		if bytes.IndexByte(name, '\\') >= 0 || !utf8.Valid(name) {
			name, _, _ = AppendUnquoted(nil, quoted)
		}
		if err := f(name, value); err != nil {
			return err
		}
	}
	if s.peekKind() != '}' {
		return fmt.Errorf("read an object: %w", errJSON)
	}
	return nil
}

// Elements calls f for each element of an array, in order; null has none. It stops at
// an error of f and returns it.
func Elements(array jsontext.Value, f func(value jsontext.Value) error) error {
	if array.Kind() == 'n' {
		return nil
	}
	s, err := open(array, '[')
	if err != nil {
		return fmt.Errorf("read an array: %w", err)
	}
	for !endsContainer(s.peekKind()) {
		if err := f(s.takeValue()); err != nil {
			return err
		}
	}
	if s.peekKind() != ']' {
		return fmt.Errorf("read an array: %w", errJSON)
	}
	return nil
}

// A scanner is at a position in an object or array.
type scanner struct {
	value jsontext.Value
	at    int
}

// open returns a scanner after the bracket that opens an object or array.
func open(value jsontext.Value, bracket byte) (s scanner, err error) {
	s.value = value
	if s.peekKind() != bracket {
		return s, errKind
	}
	s.at++
	return s, nil
}

// peekKind moves to the next value or bracket and returns its first byte, 0 at the end.
// It skips white space, commas and colons.
func (s *scanner) peekKind() byte {
	for ; s.at < len(s.value); s.at++ {
		switch c := s.value[s.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return c
		}
	}
	return 0
}

// endsContainer reports whether no value follows.
func endsContainer(next byte) bool { return next == '}' || next == ']' || next == 0 }

// takeValue moves past the next value and returns it.
func (s *scanner) takeValue() jsontext.Value {
	start := s.at
	s.at += ValueLen(s.value[start:])
	return s.value[start:s.at:s.at]
}

// ValueLen returns the length of the value at the beginning of text, which is not empty.
// For an incomplete value it is the length of text.
func ValueLen(text []byte) int {
	switch text[0] {
	case '"':
		return stringLen(text)
	case '{', '[':
		return containerLen(text)
	}
	for i, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n', ',', ':', '}', ']':
			return max(1, i)
		}
	}
	return len(text)
}

func stringLen(text []byte) int {
	end := 1
	for {
		n := bytes.IndexByte(text[end:], '"')
		if n < 0 {
			return len(text)
		}
		end += n + 1
		escapes := 0
		for text[end-2-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return end
		}
	}
}

func containerLen(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			i += stringLen(text[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}

// AppendUnquoted appends the text of a JSON string to dst. ok is false for any other
// kind of value. exact is false if a lone surrogate or invalid UTF-8 became U+FFFD.
func AppendUnquoted(dst []byte, value jsontext.Value) (out []byte, exact, ok bool) {
	if value.Kind() != '"' {
		return dst, false, false
	}
	out, err := jsontext.AppendUnquote(dst, value)
	return out, err == nil, true
}

// StringField returns a field of an object if it exists and is a string.
func StringField(object jsontext.Value, field string) (s string, ok bool) {
	err := Members(object, func(name []byte, value jsontext.Value) error {
		if string(name) == field {
			var text []byte
			if text, _, ok = AppendUnquoted(nil, value); ok {
				s = string(text)
			}
		}
		return nil
	})
	return s, ok && err == nil
}
