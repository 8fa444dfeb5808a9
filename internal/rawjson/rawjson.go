// Package rawjson takes JSON values apart without decoding more of them than
// is asked for. The values have been read by a decoder before and are known to
// be JSON, which is not found out again: of anything else the functions return
// an error or nonsense, but do no harm.
//
// It is lenient where a row would be lost otherwise: a repeated name counts as
// often as it stands, invalid UTF-8 becomes U+FFFD when a string is unquoted.
// The slices it hands out alias the value they are from. Functions may be
// called concurrently.
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

// Members calls f for each member of an object, in their order; name is not
// quoted and good only until f returns. An error of f ends it and is returned.
func Members(object jsontext.Value, f func(name []byte, value jsontext.Value) error) error {
	s, err := open(object, '{')
	if err != nil {
		return fmt.Errorf("read an object: %w", err)
	}
	for s.next() == '"' {
		quoted := s.take()
		if ends(s.next()) {
			return fmt.Errorf("read an object: %w", errJSON)
		}
		value := s.take()
		name := []byte(quoted[1:max(1, len(quoted)-1)])
		if bytes.IndexByte(name, '\\') >= 0 || !utf8.Valid(name) {
			name, _, _ = AppendString(nil, quoted)
		}
		if err := f(name, value); err != nil {
			return err
		}
	}
	if s.next() != '}' {
		return fmt.Errorf("read an object: %w", errJSON)
	}
	return nil
}

// Elements calls f for each element of an array, in their order; null has
// none. An error of f ends it and is returned.
func Elements(array jsontext.Value, f func(value jsontext.Value) error) error {
	if array.Kind() == 'n' {
		return nil
	}
	s, err := open(array, '[')
	if err != nil {
		return fmt.Errorf("read an array: %w", err)
	}
	for !ends(s.next()) {
		if err := f(s.take()); err != nil {
			return err
		}
	}
	if s.next() != ']' {
		return fmt.Errorf("read an array: %w", errJSON)
	}
	return nil
}

// scanner is at a place of an object or array.
type scanner struct {
	value jsontext.Value
	at    int
}

// open is behind the bracket that opens an object or array.
func open(value jsontext.Value, bracket byte) (s scanner, err error) {
	s.value = value
	if s.next() != bracket {
		return s, errKind
	}
	s.at++
	return s, nil
}

// next goes to what comes next and returns its first byte, 0 at the end. What
// stands between values says nothing that their order does not.
func (s *scanner) next() byte {
	for ; s.at < len(s.value); s.at++ {
		switch c := s.value[s.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return c
		}
	}
	return 0
}

// ends reports whether no value begins with what comes next.
func ends(next byte) bool { return next == '}' || next == ']' || next == 0 }

// take goes behind the value that comes next and returns it.
func (s *scanner) take() jsontext.Value {
	start := s.at
	s.at += Len(s.value[start:])
	return s.value[start:s.at:s.at]
}

// Len returns the length of the value that text begins with, which is not
// empty. Of one that does not end it is all of the text.
func Len(text []byte) int {
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

// AppendString appends the text of a JSON string to dst. It reports false for
// another kind of value. exact is false where a lone surrogate or invalid
// UTF-8 became U+FFFD.
func AppendString(dst []byte, value jsontext.Value) (out []byte, exact, ok bool) {
	if value.Kind() != '"' {
		return dst, false, false
	}
	out, err := jsontext.AppendUnquote(dst, value)
	return out, err == nil, true
}

// String returns a field of an object, if it is there and a string.
func String(object jsontext.Value, field string) (s string, ok bool) {
	err := Members(object, func(name []byte, value jsontext.Value) error {
		if string(name) == field {
			var text []byte
			if text, _, ok = AppendString(nil, value); ok {
				s = string(text)
			}
		}
		return nil
	})
	return s, ok && err == nil
}
