package load

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/rawjson"
)

// jsonbVersion comes before the text of a jsonb in binary.
const jsonbVersion = 1

// maxExponent bounds the numbers that go to jsonb as they are: Postgres's
// numeric holds 131,072 digits before the point and 16,383 behind it.
const maxExponent = 1000

// maxNesting bounds how deep a value goes to jsonb as it is; below that it is
// stored as a string. Postgres's parser runs out of stack some thousands deep.
const maxNesting = 500

// appendJSONBText appends a JSON value so that jsonb takes it. Nearly every value
// goes as it came; one with a NUL, a lone surrogate, bad UTF-8 or a number
// that no numeric holds is written anew.
func (n *encodeNotes) appendJSONBText(dst []byte, value jsontext.Value) []byte {
	if fitsJSONB(value) {
		return append(dst, value...)
	}
	r := jsonRewriter{encodeNotes: n}
	return r.rewrite(dst, value)
}

// fitsJSONB reports whether jsonb surely takes the value as it is. Escapes
// other than \u need no look.
func fitsJSONB(value jsontext.Value) bool {
	if bytes.Contains(value, []byte(`\u`)) || !utf8.Valid(value) {
		return false
	}
	digits, depth := 0, 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			i += rawjson.ValueLen(value[i:]) - 1
			digits = 0
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

// jsonRewriter writes a JSON value anew, in one pass: it has been read before and
// is known to be JSON.
type jsonRewriter struct {
	*encodeNotes
	mask   bool
	stack  []byte // the containers that are open
	name   bool   // the next string is the name of a member
	secret int    // how many containers were open when the value of a secret began; 0: none has
	blank  bool   // the next value is one of a secret
	label  bool   // the next value says which secret is meant
}

func (r *jsonRewriter) rewrite(dst []byte, value jsontext.Value) []byte {
	for i := 0; i < len(value); {
		switch c := value[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
		case '{', '[':
			if len(r.stack) == maxNesting {
				end := rawjson.ValueLen(value[i:])
				dst = r.rewriteTooDeep(dst, value[i:i+end])
				i += end
				continue
			}
			r.open(c)
			dst = append(dst, c)
			i++
		case '}', ']':
			r.close()
			dst = append(dst, c)
			i++
		case ',':
			r.blank, r.label = false, false
			r.name = r.stack[len(r.stack)-1] == '{'
			dst = append(dst, c)
			i++
		case ':':
			r.name = false
			dst = append(dst, c)
			i++
		case '"':
			end := rawjson.ValueLen(value[i:])
			dst = r.text(dst, value[i:i+end])
			i += end
		default:
			end := bytes.IndexAny(value[i:], " \t\r\n,]}")
			if end < 0 {
				end = len(value) - i
			}
			dst = r.scalar(dst, value[i:i+end])
			i += end
		}
	}
	return dst
}

func (r *jsonRewriter) open(c byte) {
	r.stack = append(r.stack, c)
	if r.blank && r.secret == 0 {
		r.secret = len(r.stack)
	}
	r.blank, r.label, r.name = false, false, c == '{'
}

func (r *jsonRewriter) close() {
	if r.secret == len(r.stack) {
		r.secret = 0
	}
	r.stack = r.stack[:len(r.stack)-1]
	r.name = false
}

// masked stands for the value of a secret.
const masked = `"******"`

func (r *jsonRewriter) isSecretValue() bool { return r.blank || r.secret > 0 && !r.label }

// text appends a string that jsonb takes: without NUL, in valid UTF-8.
func (r *jsonRewriter) text(dst []byte, quoted jsontext.Value) []byte {
	if !r.name && r.isSecretValue() {
		return append(dst, masked...)
	}
	text, exact, _ := rawjson.AppendUnquoted(nil, quoted)
	if !exact {
		r.replaced++
	}
	if r.name && r.mask {
		r.blank, r.label = isSecretName(string(text)), isSecretMetadata(string(text))
	}
	return r.appendJSONString(dst, string(text))
}

// scalar appends a number, true, false or null.
func (r *jsonRewriter) scalar(dst []byte, value jsontext.Value) []byte {
	if value.Kind() != '0' {
		return append(dst, value...)
	}
	if r.isSecretValue() {
		return append(dst, masked...)
	}
	if !fitsNumeric(value) {
		r.replaced++
		return r.appendJSONString(dst, string(value))
	}
	return append(dst, value...)
}

// rewriteTooDeep appends a value as a string, for what is nested too deep.
func (r *jsonRewriter) rewriteTooDeep(dst []byte, value jsontext.Value) []byte {
	r.replaced++
	if r.mask { // who knows what is in there
		return append(dst, masked...)
	}
	return r.appendJSONString(dst, strings.ToValidUTF8(string(value), "\ufffd"))
}

// appendJSONString appends a text, which is valid UTF-8, as a string that jsonb takes.
func (n *encodeNotes) appendJSONString(dst []byte, text string) []byte {
	if strings.Contains(text, "\x00") {
		n.replaced++
		text = strings.ReplaceAll(text, "\x00", "\ufffd")
	}
	dst, _ = jsontext.AppendQuote(dst, text)
	return dst
}

// fitsNumeric reports whether a JSON number surely fits in numeric.
func fitsNumeric(value jsontext.Value) bool {
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
