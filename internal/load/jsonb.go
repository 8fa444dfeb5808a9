package load

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/rawjson"
)

// maxExponent bounds the numbers that go to jsonb as they are: Postgres's
// numeric holds 131,072 digits before the point and 16,383 behind it.
const maxExponent = 1000

// maxNesting bounds how deep a value goes to jsonb as it is; below that it is
// stored as a string. Postgres's parser runs out of stack some thousands deep.
const maxNesting = 500

// appendJSONB appends a JSON value so that jsonb takes it. Nearly every value
// goes as it came; one with a NUL, a lone surrogate, bad UTF-8 or a number
// that no numeric holds is written anew.
func (n *notes) appendJSONB(dst []byte, value jsontext.Value) []byte {
	if plainJSON(value) {
		return append(dst, value...)
	}
	return n.rewrite(dst, value, false, 0)
}

// plainJSON reports whether jsonb surely takes the value as it is. Escapes
// other than \u need no look.
func plainJSON(value jsontext.Value) bool {
	if bytes.Contains(value, []byte(`\u`)) || !utf8.Valid(value) {
		return false
	}
	inString, digits, depth := false, 0, 0
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case inString:
			if c == '\\' {
				i++
			}
			inString = c != '"'
		case c == '"':
			inString, digits = true, 0
		case c >= '0' && c <= '9':
			if digits++; digits > maxExponent {
				return false
			}
		case digits > 0 && (c == 'e' || c == 'E'):
			return false
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return false
			}
		case c == '}' || c == ']':
			depth--
			digits = 0
		case c != '.':
			digits = 0
		}
	}
	return true
}

// rewrite appends the value token by token; with mask, values of
// secret-looking names are blanked on the way.
func (n *notes) rewrite(dst []byte, value jsontext.Value, mask bool, depth int) []byte {
	if depth > maxNesting {
		n.replaced++
		return n.quote(dst, string(value))
	}
	comma := func(open byte) {
		if dst[len(dst)-1] != open {
			dst = append(dst, ',')
		}
	}
	switch value.Kind() {
	case '{':
		dst = append(dst, '{')
		_ = rawjson.Members(value, func(name []byte, member jsontext.Value) error {
			comma('{')
			dst = append(n.quote(dst, string(name)), ':')
			if mask && member.Kind() == '"' && secretName(string(name)) {
				member = jsontext.Value(`"******"`)
			}
			dst = n.rewrite(dst, member, mask, depth+1)
			return nil
		})
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		_ = rawjson.Elements(value, func(element jsontext.Value) error {
			comma('[')
			dst = n.rewrite(dst, element, mask, depth+1)
			return nil
		})
		return append(dst, ']')
	case '"':
		text, _ := rawjson.AppendString(nil, value)
		return n.quote(dst, string(text))
	case '0':
		if !numeric(value) {
			n.replaced++
			return n.quote(dst, string(value))
		}
	}
	return append(dst, value...)
}

// quote appends a string that jsonb takes: without NUL, in valid UTF-8.
func (n *notes) quote(dst []byte, s string) []byte {
	if strings.ContainsRune(s, 0) {
		n.replaced++
		s = strings.ReplaceAll(s, "\x00", "\ufffd")
	}
	out, _ := jsontext.AppendQuote(dst, strings.ToValidUTF8(s, "\ufffd"))
	return out
}

// numeric reports whether a JSON number surely fits in numeric.
func numeric(value jsontext.Value) bool {
	mantissa, exponent, found := strings.Cut(strings.ToLower(string(value)), "e")
	if len(mantissa) > maxExponent {
		return false
	}
	if !found {
		return true
	}
	e, err := strconv.Atoi(exponent)
	return err == nil && e < maxExponent && e > -maxExponent
}

// secretWords are what names of secrets contain, secretEnds what they end in:
// the words the server itself blanks in its logs since 1.42.
var (
	secretWords = []string{"secret", "password", "apikey", "privatekey", "credential", "cookie", "authorization"}
	secretEnds  = []string{"token"}
)

func secretName(name string) bool {
	name = strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(name))
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	for _, end := range secretEnds {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}
