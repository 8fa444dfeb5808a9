package load

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// appendMasked appends a value as a jsonb field in which strings and numbers
// under a secret-looking name are blanked, at any depth.
func (n *encodeNotes) appendMasked(dst []byte, value jsontext.Value) []byte {
	if value.Kind() == 'n' {
		return appendNull(dst)
	}
	dst, _ = appendSized(dst, func(b []byte) ([]byte, bool) {
		r := jsonRewriter{encodeNotes: n, mask: true}
		return r.rewrite(append(b, jsonbVersion), value), true
	})
	return dst
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
