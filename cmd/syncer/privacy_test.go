package main

import "testing"

func TestAStoredValueIsShownPlainUnlessATerminalWouldObeyIt(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`"Ann O'Hara"`:                    "Ann O'Hara",
		`"Jürgen 王"`:                      "Jürgen 王",
		`"a \"word\""`:                    `a "word"`,
		`true`:                            "true",
		`{"plan": "pro"}`:                 `{"plan": "pro"}`,
		`"\u001b[2J"`:                     `\u001b[2J`,
		`"two\nlines"`:                    `two\u000alines`,
		"\"\u009b2J\"":                    `\u009b2J`,
		"{\"name\": \"\u202egnihtemos\"}": `{"name": "\u202egnihtemos"}`,
	} {
		if got := printableText(value); got != want {
			t.Errorf("%q: want %s, have %s", value, want, got)
		}
	}
}
