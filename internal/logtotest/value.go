package logtotest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// null is a time that is not there.
const null = math.MinInt64

// quote is a string as JSON, as the server writes it: no HTML escapes.
func quote(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			return encodeJSON(s)
		}
	}
	return `"` + s + `"`
}

func encodeJSON(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// unquote is quote's inverse; what is not a string is "".
func unquote(raw string) string {
	if len(raw) < 2 || raw[0] != '"' {
		return ""
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	var s string
	if json.Unmarshal([]byte(raw), &s) != nil {
		return ""
	}
	return s
}

// rawOf is any value a Row may hold, as JSON.
func rawOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "null", nil
	case string:
		return quote(v), nil
	case time.Time:
		return quote(formatMicros(v.UnixMicro())), nil
	case json.RawMessage:
		var b bytes.Buffer
		if err := json.Compact(&b, v); err != nil {
			return "", fmt.Errorf("read a value: %w", err)
		}
		return b.String(), nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode a value: %w", err)
	}
	return rawOf(json.RawMessage(raw))
}

// decodeRawJSON reads raw JSON as a Row shows it.
func decodeRawJSON(raw string) any {
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// parseMicros reads a time column; null where there is none or it cannot be read.
func parseMicros(raw string) int64 {
	s := unquote(raw)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UnixMicro()
		}
	}
	return null
}

// formatMicros writes microseconds as Postgres does in JSON, in UTC.
func formatMicros(us int64) string {
	return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.999999") + "+00:00"
}

func quoteTime(us int64) string {
	if us == null {
		return "null"
	}
	return `"` + formatMicros(us) + `"`
}

func appendMillis(b []byte, us int64) []byte {
	if us == null {
		return append(b, "null"...)
	}
	ms := us / 1000
	if us%1000 < 0 {
		ms--
	}
	return strconv.AppendInt(b, ms, 10)
}

// roundBigNumbers is JSON after a trip through JavaScript, where integers beyond 2^53
// lose their last digits.
func roundBigNumbers(raw string) string {
	if !hasLongNumber(raw) {
		return raw
	}
	return encodeJSON(asJavaScriptNumbers(decodeRawJSON(raw)))
}

// hasLongNumber tells if there are 16 digits in a row outside of strings.
func hasLongNumber(raw string) bool {
	digits, inside := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c >= '0' && c <= '9':
			if digits++; digits >= 16 {
				return true
			}
			continue
		}
		digits = 0
	}
	return false
}

func asJavaScriptNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return nil // JavaScript's Infinity is null in JSON
		}
		if f == math.Trunc(f) && math.Abs(f) < 1e21 {
			return json.Number(strconv.FormatFloat(f, 'f', -1, 64))
		}
		return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
	case []any:
		for i := range v {
			v[i] = asJavaScriptNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = asJavaScriptNumbers(v[k])
		}
	}
	return v
}
