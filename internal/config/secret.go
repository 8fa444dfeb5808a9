package config

import (
	"fmt"
	"io"
	"log/slog"
)

const masked = "•••"

// A Secret is a value that no log, error, dump or JSON may show: it always prints
// as dots. The empty Secret means no value.
type Secret string

// Reveal returns the value itself, for the code that uses it.
func (s Secret) Reveal() string { return string(s) }

// String implements fmt.Stringer with dots.
func (s Secret) String() string { return masked }

// GoString implements fmt.GoStringer with dots.
func (s Secret) GoString() string { return masked }

// Format implements fmt.Formatter with dots: without it, the error text of %d would
// contain the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// LogValue implements slog.LogValuer with dots.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText implements encoding.TextMarshaler with dots, and so JSON and
// YAML too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
