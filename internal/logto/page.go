package logto

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// A Page is what one request for a list returned: one page, or the whole list
// where the server does not page it.
type Page struct {
	// Items are the elements as the server sent them. They share one buffer
	// that lives as long as any of them; nobody may write to it. Their syntax
	// is valid JSON, but names may be repeated within an object and strings
	// may hold invalid UTF-8 or an escaped NUL.
	Items []jsontext.Value
	// Total is the server's Total-Number. -1: it sent none, or nonsense.
	Total int
	// Capped says that the server stopped counting at Total.
	Capped bool
	// Date is what time it was at the server, to the second. Zero: it did not say.
	Date time.Time
	// RequestID is the server's name for the request. Empty: it sent none.
	RequestID string
	// Header is the size of the answer's header.
	Header ResponseHeaderStats
}

// A ResponseHeaderStats is how large the header of an answer is, as far as it reached
// the client: a proxy takes some lines away and adds others. Logto repeats the
// query in each of its links, so a long query makes a large header.
type ResponseHeaderStats struct {
	Bytes     int // all of it
	Links     int // lines of Link
	LinkBytes int // their part of Bytes
}

func responseHeaderStats(h http.Header) ResponseHeaderStats {
	size := ResponseHeaderStats{Bytes: len("HTTP/1.1 200 OK\r\n\r\n")}
	for name, values := range h {
		for _, value := range values {
			n := len(name) + len(value) + len(": \r\n")
			size.Bytes += n
			if name == "Link" {
				size.Links++
				size.LinkBytes += n
			}
		}
	}
	return size
}

var (
	errKind     = errors.New("another kind of value")
	errTrailing = errors.New("something after the value")
)

// newLenientDecoder keeps a row that Postgres may still store: what to make of repeated
// names and bad UTF-8 is for those to say who know the columns.
func newLenientDecoder(body []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// splitArray returns the elements of the array that body is, as slices of body.
func splitArray(body []byte) ([]jsontext.Value, error) {
	dec := newLenientDecoder(body)
	if dec.PeekKind() != '[' {
		return nil, unexpectedJSONKind(dec)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	items := make([]jsontext.Value, 0, 100)
	for dec.PeekKind() != ']' {
		v, err := readValue(dec, body)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	return items, expectEnd(dec)
}

// parseObject returns the object that body is.
func parseObject(body []byte) (jsontext.Value, error) {
	dec := newLenientDecoder(body)
	if dec.PeekKind() != '{' {
		return nil, unexpectedJSONKind(dec)
	}
	v, err := readValue(dec, body)
	if err != nil {
		return nil, err
	}
	return v, expectEnd(dec)
}

// readValue slices the value out of body, because the decoder's own slice is
// good only until its next call. The third index keeps an append to one item
// from writing over the next.
func readValue(dec *jsontext.Decoder, body []byte) (jsontext.Value, error) {
	v, err := dec.ReadValue()
	if err != nil {
		return nil, err
	}
	end := int(dec.InputOffset())
	return jsontext.Value(body[end-len(v) : end : end]), nil
}

func unexpectedJSONKind(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	return errKind
}

func expectEnd(dec *jsontext.Decoder) error {
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

// parseTotal returns -1 unless there is exactly one Total-Number, and it is a
// number of rows that somebody can have.
func parseTotal(h http.Header) int {
	values := h.Values("Total-Number")
	if len(values) != 1 {
		return -1
	}
	n, err := strconv.ParseUint(values[0], 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// parseTotalCapped takes any word but "false" for a yes: to trust a total too
// little costs a request, to trust it too much costs rows.
func parseTotalCapped(h http.Header) bool {
	for _, v := range h.Values("Total-Number-Is-Capped") {
		if !strings.EqualFold(v, "false") {
			return true
		}
	}
	return false
}

// parseRetryAfter understands seconds and a date, which it reads by the
// server's own clock if that is there. 0: nothing to understand.
func parseRetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return max(0, at.Sub(now))
}

func parseRequestID(h http.Header) string {
	return printableOrEmpty(h.Get("Logto-Core-Request-Id"), 64)
}
