// Package rawjson takes JSON values apart without decoding more of them than
// is asked for. It is lenient where a row would be lost otherwise: a repeated
// name counts as often as it stands, invalid UTF-8 becomes U+FFFD when a
// string is unquoted. The slices it hands out alias the value they are from.
// Functions may be called concurrently.
package rawjson

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

var errKind = errors.New("another kind of value")

// reader is a decoder and the buffer it reads from; making one costs more than
// reading a small object.
type reader struct {
	buf bytes.Buffer
	dec *jsontext.Decoder
}

var readers = sync.Pool{New: func() any { return &reader{dec: jsontext.NewDecoder(new(bytes.Buffer))} }}

func open(value jsontext.Value, kind jsontext.Kind) (*reader, error) {
	r := readers.Get().(*reader)
	r.buf = *bytes.NewBuffer(slices.Clip(value))
	r.dec.Reset(&r.buf, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if r.dec.PeekKind() != kind {
		r.close()
		return nil, errKind
	}
	_, err := r.dec.ReadToken()
	return r, err
}

func (r *reader) close() {
	r.buf = bytes.Buffer{}
	readers.Put(r)
}

// next reads one value and returns it as a slice of what the reader was
// opened on.
func (r *reader) next(from jsontext.Value) (jsontext.Value, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(r.dec.InputOffset())
	return from[end-len(v) : end : end], nil
}

// Members calls f for each member of an object, in their order; name is not
// quoted and good only until f returns. An error of f ends it and is returned.
func Members(object jsontext.Value, f func(name []byte, value jsontext.Value) error) error {
	r, err := open(object, '{')
	if err != nil {
		return fmt.Errorf("read an object: %w", err)
	}
	defer r.close()
	for r.dec.PeekKind() == '"' {
		quoted, err := r.next(object)
		if err != nil {
			return fmt.Errorf("read an object: %w", err)
		}
		name := []byte(quoted[1 : len(quoted)-1])
		if bytes.IndexByte(name, '\\') >= 0 || !utf8.Valid(name) {
			name, _, _ = AppendString(nil, quoted)
		}
		value, err := r.next(object)
		if err != nil {
			return fmt.Errorf("read an object: %w", err)
		}
		if err := f(name, value); err != nil {
			return err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return fmt.Errorf("read an object: %w", err)
	}
	return nil
}

// Elements calls f for each element of an array, in their order; null has
// none. An error of f ends it and is returned.
func Elements(array jsontext.Value, f func(value jsontext.Value) error) error {
	if array.Kind() == 'n' {
		return nil
	}
	r, err := open(array, '[')
	if err != nil {
		return fmt.Errorf("read an array: %w", err)
	}
	defer r.close()
	for r.dec.PeekKind() != ']' {
		value, err := r.next(array)
		if err != nil {
			return fmt.Errorf("read an array: %w", err)
		}
		if err := f(value); err != nil {
			return err
		}
	}
	return nil
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
