package rawjson_test

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"logto-syncer/internal/rawjson"
)

func TestMembers(t *testing.T) {
	t.Parallel()
	type member struct{ Name, Value string }
	for name, tc := range map[string]struct {
		give string
		want []member
		bad  bool
	}{
		"an empty object has none":            {give: `{}`},
		"values come as they stand":           {give: `{"a": [1, 2],"b":"x\ny", "c":{"d":null}}`, want: []member{{"a", "[1, 2]"}, {"b", `"x\ny"`}, {"c", `{"d":null}`}}},
		"an escaped name is unquoted":         {give: `{"\u0061\"b":1}`, want: []member{{`a"b`, "1"}}},
		"a repeated name counts twice":        {give: `{"a":1,"a":2}`, want: []member{{"a", "1"}, {"a", "2"}}},
		"an invalid name is made good":        {give: "{\"a\xff\":1}", want: []member{{"a\ufffd", "1"}}},
		"a lone surrogate does not lose rows": {give: `{"a":"\ud800","b":1}`, want: []member{{"a", `"\ud800"`}, {"b", "1"}}},
		"an array is no object":               {give: `[]`, bad: true},
		"half an object is an error":          {give: `{"a":1`, want: []member{{"a", "1"}}, bad: true},
		"a name alone is an error":            {give: `{"a"}`, bad: true},
		"half a name is an error":             {give: `{"a`, bad: true},
		"a quote is an error":                 {give: `{"`, bad: true},
		"an array's end is not an object's":   {give: `{]`, bad: true},
		"brackets in strings are no brackets": {give: `{"}\\":"{","a":["]\"]"],"b":-1.5e3}`, want: []member{{`}\`, `"{"`}, {"a", `["]\"]"]`}, {"b", "-1.5e3"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []member
			err := rawjson.Members(jsontext.Value(tc.give), func(name []byte, value jsontext.Value) error {
				got = append(got, member{string(name), string(value)})
				return nil
			})
			if (err != nil) != tc.bad {
				t.Fatalf("error: %v, want one: %v", err, tc.bad)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
}

func TestElements(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		give string
		want []string
		bad  bool
	}{
		"an empty array has none":  {give: `[]`},
		"null has none":            {give: `null`},
		"values come as they are":  {give: `[1, {"a":2},"x"]`, want: []string{"1", `{"a":2}`, `"x"`}},
		"an object is no array":    {give: `{}`, bad: true},
		"a broken element is told": {give: `[1,}`, want: []string{"1"}, bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			err := rawjson.Elements(jsontext.Value(tc.give), func(value jsontext.Value) error {
				got = append(got, string(value))
				return nil
			})
			if (err != nil) != tc.bad {
				t.Fatalf("error: %v, want one: %v", err, tc.bad)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("elements (-want +got):\n%s", diff)
			}
		})
	}
}

func TestString(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		give, want string
		ok         bool
	}{
		"a string is unquoted":       {`{"id":"a\u00e9"}`, "aé", true},
		"a number is no string":      {`{"id":1}`, "", false},
		"a field that is not there":  {`{"x":"y"}`, "", false},
		"an inner field is not it":   {`{"a":{"id":"no"}}`, "", false},
		"invalid UTF-8 is made good": {"{\"id\":\"a\xffb\"}", "a\ufffdb", true},
	} {
		got, ok := rawjson.StringField(jsontext.Value(tc.give), "id")
		if got != tc.want || ok != tc.ok {
			t.Errorf("%s: %q, %v, want %q, %v", name, got, ok, tc.want, tc.ok)
		}
	}
}

func TestAppendString(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		give, want string
		exact, ok  bool
	}{
		"escapes are undone":            {`"a\n\u00e9\ud83d\ude00\""`, "x:a\né😀\"", true, true},
		"a lone surrogate is not exact": {`"a\ud800b"`, "x:a\ufffdb", false, true},
		"a reversed pair is not exact":  {`"\ude00\ud83d"`, "x:\ufffd\ufffd", false, true},
		"invalid UTF-8 is not exact":    {"\"a\xe2\x82\"", "x:a\ufffd\ufffd", false, true},
		"a number is no string":         {`5`, "x:", false, false},
	} {
		got, exact, ok := rawjson.AppendUnquoted([]byte("x:"), jsontext.Value(tc.give))
		if string(got) != tc.want || exact != tc.exact || ok != tc.ok {
			t.Errorf("%s: %q, %v, %v, want %q, %v, %v", name, got, exact, ok, tc.want, tc.exact, tc.ok)
		}
	}
}

// FuzzMembers holds that a value that is JSON comes apart as a decoder has it,
// and that nothing else does harm.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"a":[true,{"b":"\\"}],"\"":null}`, `[1, "]\\\"" ,{"a":{}}]`, `{"a" : "b" , "c":-0.1e+9 }`, `{"a"`, `[1,}`, `{"\`, `{"a":"\\`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		lenient := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
		var got, want []string
		err := rawjson.Elements(value, func(v jsontext.Value) error { got = append(got, string(v)); return nil })
		if err != nil {
			err = rawjson.Members(value, func(name []byte, v jsontext.Value) error {
				got = append(got, string(name), string(v))
				return nil
			})
		}
		kind := jsontext.Value(value).Kind()
		if !jsontext.Value(value).IsValid(lenient...) || kind == 'n' {
			return
		}
		if (err == nil) != (kind == '{' || kind == '[') {
			t.Fatalf("error: %v", err)
		}
		if err != nil {
			return
		}
		dec := jsontext.NewDecoder(bytes.NewReader(value), lenient...)
		if _, err := dec.ReadToken(); err != nil {
			t.Fatal(err)
		}
		for n := 0; dec.PeekKind() != '}' && dec.PeekKind() != ']'; n++ {
			v, err := dec.ReadValue()
			if err != nil {
				t.Fatal(err)
			}
			if kind == '{' && n%2 == 0 {
				name, _ := jsontext.AppendUnquote(nil, v)
				want = append(want, string(name))
				continue
			}
			want = append(want, string(v))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("parts (-want +got):\n%s", diff)
		}
	})
}
