package load

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func maskedText(value string) string {
	r := jsonRewriter{encodeNotes: &encodeNotes{}, mask: true}
	return string(r.rewrite(nil, jsontext.Value(value)))
}

// What log entries of real servers hold, and what they might.
func TestAValueIsMaskedWhereItsNameIsThatOfASecret(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		// A token request, as 1.42 logs it.
		`{"params":{"scope":"all","client_secret":"s"},"scope":"all","tokenTypes":["AccessToken"],"applicationSecret":{"name":"Default secret"}}`: `{"params":{"scope":"all","client_secret":"******"},"scope":"all","tokenTypes":["AccessToken"],"applicationSecret":{"name":"Default secret"}}`,
		`{"params":{"refresh_token":"r","subject_token":"s","subject_token_type":"t"}}`:                                                           `{"params":{"refresh_token":"******","subject_token":"******","subject_token_type":"t"}}`,
		`{"key":"Interaction.SignIn.Submit","error":{"code":"session.invalid_credentials"}}`:                                                      `{"key":"Interaction.SignIn.Submit","error":{"code":"session.invalid_credentials"}}`,
		`{"data":{"hasPassword":true,"customData":{"nested":{"password":"p"}}}}`:                                                                  `{"data":{"hasPassword":true,"customData":{"nested":{"password":"******"}}}}`,
		// Below a secret's name everything is one, but for what labels it.
		`{"applicationSecret":{"name":"n","value":"v","createdAt":1,"expiresAt":null}}`: `{"applicationSecret":{"name":"n","value":"******","createdAt":1,"expiresAt":null}}`,
		`{"cookies":{"sid":"c","name":["c"]}}`:                                          `{"cookies":{"sid":"******","name":["******"]}}`,
		`{"credentials":[{"id":"i","pin":1234},"x"],"name":"n"}`:                        `{"credentials":[{"id":"i","pin":"******"},"******"],"name":"n"}`,
		`{"secret":{"name":{"name":"n","a":"b"}}}`:                                      `{"secret":{"name":{"name":"n","a":"******"}}}`,
		`{"name":"n","id":"i","secretName":"s"}`:                                        `{"name":"n","id":"i","secretName":"******"}`,
	} {
		if got := maskedText(value); got != want {
			t.Errorf("%s\nis %s\nwant %s", value, got, want)
		}
	}
}

// Nothing that a real server has left legible is masked, but for what it left
// legible under the name of a secret.
func TestTheLogsOfARealServerAreMaskedAsItMasksThem(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../logtotest/testdata/tenant.json")
	if err != nil {
		t.Fatal(err)
	}
	var tenant struct {
		Logs []struct{ Payload json.RawMessage } `json:"logs"`
	}
	if err := json.Unmarshal(raw, &tenant); err != nil {
		t.Fatal(err)
	}
	for _, entry := range tenant.Logs {
		var compact strings.Builder
		if err := json.NewEncoder(&compact).Encode(entry.Payload); err != nil {
			t.Fatal(err)
		}
		was, is := normalize(t, compact.String()), normalize(t, maskedText(compact.String()))
		if was != is {
			t.Errorf("%.400s\nis %.400s", was, is)
		}
	}
	if len(tenant.Logs) < 700 {
		t.Errorf("only %d log entries", len(tenant.Logs))
	}
}

func normalize(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
