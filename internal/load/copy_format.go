package load

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"logto-syncer/internal/rawjson"
)

// Rows are written in the binary format of COPY: per row the number of
// fields, per field its length and bytes, big-endian. See "COPY", "Binary
// Format", in Postgres's manual.
var (
	copyHeader  = append([]byte("PGCOPY\n\377\r\n\000"), 0, 0, 0, 0, 0, 0, 0, 0)
	copyTrailer = []byte{0xff, 0xff}
)

// postgresEpoch is what timestamps in binary count from, in microseconds.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func appendCount(dst []byte, fields int) []byte {
	return binary.BigEndian.AppendUint16(dst, uint16(fields))
}

func appendNull(dst []byte) []byte { return append(dst, 0xff, 0xff, 0xff, 0xff) }

func appendBytes[T string | []byte](dst []byte, value T) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(value))), value...)
}

func appendTextFields(dst []byte, texts ...string) []byte {
	for _, text := range texts {
		dst = appendBytes(dst, text)
	}
	return dst
}

func appendInt64(dst []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(dst, 8), uint64(n))
}

// appendSized appends a field whose bytes f appends. Where f reports false,
// dst comes back as it was.
func appendSized(dst []byte, f func([]byte) ([]byte, bool)) ([]byte, bool) {
	start := len(dst)
	dst, ok := f(append(dst, 0, 0, 0, 0))
	if !ok {
		return dst[:start], false
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
	return dst, true
}

// appendValue appends a JSON value as a field of the kind. It reports false,
// with dst as it was, for a value a column of that kind cannot hold.
func (n *encodeNotes) appendValue(dst []byte, k columnKind, value jsontext.Value) ([]byte, bool) {
	if value.Kind() == 'n' {
		return appendNull(dst), true
	}
	switch k {
	case boolKind:
		return appendBool(dst, value)
	case bigintKind:
		i, err := strconv.ParseInt(string(value), 10, 64)
		if err != nil {
			return dst, false
		}
		return appendInt64(dst, i), true
	case timeKind:
		return appendTime(dst, value)
	case jsonKind:
		return appendSized(dst, func(b []byte) ([]byte, bool) { return n.appendJSONBText(append(b, jsonbVersion), value), true })
	}
	if value.Kind() != '"' {
		return dst, false
	}
	return appendSized(dst, func(b []byte) ([]byte, bool) { return n.appendText(b, value), true })
}

func appendBool(dst []byte, value jsontext.Value) ([]byte, bool) {
	switch value.Kind() {
	case 't':
		return append(dst, 0, 0, 0, 1, 1), true
	case 'f':
		return append(dst, 0, 0, 0, 1, 0), true
	}
	return dst, false
}

// What a JavaScript date can be, and Postgres's timestamps too, in
// milliseconds since 1970.
const (
	minMillis = -62_135_596_800_000
	maxMillis = 8_640_000_000_000_000
)

// appendTime takes milliseconds since 1970, as the API has its times, or the
// ISO string it has within JSON.
func appendTime(dst []byte, value jsontext.Value) ([]byte, bool) {
	var millis int64
	if value.Kind() == '"' {
		text, _, _ := rawjson.AppendUnquoted(nil, value)
		t, err := time.Parse(time.RFC3339Nano, string(text))
		if err != nil || t.Nanosecond()%int(time.Millisecond) != 0 { // the columns are to the millisecond
			return dst, false
		}
		millis = t.UnixMilli()
	} else {
		var err error
		if millis, err = strconv.ParseInt(string(value), 10, 64); err != nil {
			return dst, false
		}
	}
	if millis < minMillis || millis > maxMillis {
		return dst, false
	}
	return appendInt64(dst, millis*1000-postgresEpoch), true
}

// appendText appends the text of a JSON string. What Postgres cannot store,
// a NUL among it, becomes U+FFFD.
func (n *encodeNotes) appendText(dst []byte, value jsontext.Value) []byte {
	start := len(dst)
	dst, exact, _ := rawjson.AppendUnquoted(dst, value)
	nul := bytes.IndexByte(dst[start:], 0) >= 0
	if nul {
		dst = append(dst[:start], bytes.ReplaceAll(dst[start:], []byte{0}, []byte("\ufffd"))...)
	}
	if nul || !exact {
		n.replaced++
	}
	return dst
}
