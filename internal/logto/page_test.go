package logto

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func texts(items []jsontext.Value) []string {
	have := []string{}
	for _, v := range items {
		have = append(have, string(v))
	}
	return have
}

func TestSplitArray(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	for name, tc := range map[string]struct {
		body string
		want []string // nil: an error
	}{
		"an empty list":                  {`[]`, []string{}},
		"space around everything":        {" [ {\"a\" : 1} , 2 ]\r\n", []string{`{"a" : 1}`, `2`}},
		"values of any kind":             {`[null,true,"x",-1e400,[],{}]`, []string{`null`, `true`, `"x"`, `-1e400`, `[]`, `{}`}},
		"a repeated name":                {`[{"a":1,"a":2}]`, []string{`{"a":1,"a":2}`}},
		"invalid UTF-8":                  {"[\"\xff\"]", []string{"\"\xff\""}},
		"NUL and half a surrogate":       {`["\u0000","\ud800"]`, []string{`"\u0000"`, `"\ud800"`}},
		"deep nesting":                   {`[` + deep + `]`, []string{deep}},
		"nothing":                        {``, nil},
		"space":                          {` `, nil},
		"an object":                      {`{}`, nil},
		"a string":                       {`"[]"`, nil},
		"HTML":                           {`<html>`, nil},
		"a byte order mark":              {"\ufeff[]", nil},
		"a list without its end":         {`[{"a":1}`, nil},
		"a list that ends in a comma":    {`[1,]`, nil},
		"a list without commas":          {`[1 2]`, nil},
		"an item without its end":        {`[{"a":`, nil},
		"another list after it":          {`[][]`, nil},
		"a word after it":                {`[]x`, nil},
		"a NUL after it":                 {"[]\x00", nil},
		"nesting that never ends":        {strings.Repeat("[", 100_000), nil},
		"a number with a zero before it": {`[01]`, nil},
		"a line break in a string":       {"[\"\n\"]", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items, err := splitArray([]byte(tc.body))
			if tc.want == nil {
				if err == nil {
					t.Errorf("%q: no error", texts(items))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, texts(items)); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSplitArrayCopiesNothing(t *testing.T) {
	t.Parallel()
	body := []byte(`[` + strings.Repeat(`{"id":"abcdefghijkl","customData":{"x":[1,2,3]}},`, 99) + `{}]`)
	items, err := splitArray(body)
	if err != nil {
		t.Fatal(err)
	}
	body[2] = '#'
	if items[0][1] != '#' {
		t.Error("an item is a copy, want a slice of the body")
	}
	grown := append(items[0], "xyz"...)
	if body[len(items[0])+1] != ',' || len(grown) == 0 {
		t.Error("an append to an item writes over the body")
	}
}

func TestHeadersAreNotTrusted(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		values []string
		want   int
	}{
		"a total":              {[]string{"1301"}, 1301},
		"none in the tenant":   {[]string{"0"}, 0},
		"no header":            {nil, -1},
		"an empty one":         {[]string{""}, -1},
		"a word":               {[]string{"abc"}, -1},
		"a negative number":    {[]string{"-1"}, -1},
		"a signed number":      {[]string{"+1"}, -1},
		"a fraction":           {[]string{"1.5"}, -1},
		"a space":              {[]string{"1 2"}, -1},
		"too many to be true":  {[]string{"99999999999"}, -1},
		"more than an integer": {[]string{"99999999999999999999999"}, -1},
		"two that agree":       {[]string{"1", "1"}, -1},
		"two joined":           {[]string{"1, 2"}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if have := parseTotal(http.Header{"Total-Number": tc.values}); have != tc.want {
				t.Errorf("total %d, want %d", have, tc.want)
			}
		})
	}
}

func TestACappedTotalIsNoticed(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"true": true, "True": true, "1": true, "false": false, "False": false} {
		if have := parseTotalCapped(http.Header{"Total-Number-Is-Capped": {value}}); have != want {
			t.Errorf("%q: capped %v, want %v", value, have, want)
		}
	}
	if parseTotalCapped(http.Header{}) {
		t.Error("no header: capped")
	}
}

func TestTheSizeOfAHeaderIsThatOfItsLines(t *testing.T) {
	t.Parallel()
	h := http.Header{"Total-Number": {"7"}, "Link": {"<http://x/users?page=1>; rel=\"first\"", "<http://x/users?page=2>; rel=\"last\""}}
	// HTTP/1.1 200 OK, three lines and an empty one, each with its end.
	lines := []string{"HTTP/1.1 200 OK", "Total-Number: 7", "Link: " + h["Link"][0], "Link: " + h["Link"][1], ""}
	want := ResponseHeaderStats{Bytes: len(strings.Join(lines, "\r\n")) + 2, Links: 2, LinkBytes: len(lines[2]) + len(lines[3]) + 4}
	if diff := cmp.Diff(want, responseHeaderStats(h)); diff != "" {
		t.Errorf("size (-want +got):\n%s", diff)
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		value, date string
		want        time.Duration
	}{
		"seconds":                          {"17", "", 17 * time.Second},
		"a date":                           {"Mon, 23 Nov 2026 12:00:30 GMT", "", 30 * time.Second},
		"a date by the server's own clock": {"Mon, 23 Nov 2026 12:00:30 GMT", "Mon, 23 Nov 2026 12:00:10 GMT", 20 * time.Second},
		"a date gone by":                   {"Mon, 23 Nov 2026 11:00:00 GMT", "", 0},
		"a negative number":                {"-5", "", 0},
		"a fraction":                       {"1.5", "", 0},
		"a word":                           {"soon", "", 0},
		"more than an integer":             {"99999999999999999999", "", 0},
		"the most that is understood":      {"2147483647", "", math.MaxInt32 * time.Second},
		"nothing":                          {"", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			have := parseRetryAfter(http.Header{"Retry-After": {tc.value}, "Date": {tc.date}}, now)
			if have != tc.want {
				t.Errorf("wait %v, want %v", have, tc.want)
			}
		})
	}
}

func FuzzSplitArray(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		items, err := splitArray(body)
		if !bytes.Equal(before, body) {
			t.Error("the body was written to")
		}
		if _, err := parseObject(body); err == nil && items != nil {
			t.Error("the body is a list and an object")
		}
		if err != nil {
			return
		}
		for _, v := range items {
			if !v.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) {
				t.Errorf("item %q is not valid", v)
			}
		}
		joined := "[" + strings.Join(texts(items), ",") + "]"
		again, err := splitArray([]byte(joined))
		if err != nil {
			t.Fatalf("joined again: %v", err)
		}
		if diff := cmp.Diff(texts(items), texts(again)); diff != "" {
			t.Errorf("joined again (-want +got):\n%s", diff)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	f.Fuzz(func(t *testing.T, value, date string) {
		h := http.Header{"Total-Number": {value}, "Retry-After": {value}, "Date": {date}, "Logto-Core-Request-Id": {value}}
		if total := parseTotal(h); total != -1 {
			if n, err := strconv.Atoi(value); err != nil || n != total || n < 0 {
				t.Errorf("total %d of %q", total, value)
			}
		}
		if after := parseRetryAfter(h, time.Unix(0, 0)); after < 0 {
			t.Errorf("wait %v", after)
		}
		for _, s := range []string{parseRequestID(h), sanitizeMessage(value, 300)} {
			if strings.ContainsAny(s, "\r\n\x1b\x00") || len(s) > 303 {
				t.Errorf("%q is not fit for a log", s)
			}
		}
	})
}

func BenchmarkSplitArray(b *testing.B) {
	user := `{"id":"abcdefghijkl","username":"u","profile":{},"customData":{"text":"` + strings.Repeat("x", 2000) + `"}}`
	body := []byte(`[` + strings.Repeat(user+`,`, 99) + user + `]`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := splitArray(body); err != nil {
			b.Fatal(err)
		}
	}
}
