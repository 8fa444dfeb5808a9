package load

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The rule for what is masked in log entries: a string or number is blanked if
// its name is that of a secret, or if it is in a list or an object whose name is,
// at any depth. Names that only say which secret is meant (isSecretMetadata) keep their
// value there: applicationSecret.name is what somebody called the secret. true,
// false and null are no secrets, as in hasPassword.

// appendSecretsMasked appends a value as a jsonb field, masked by the rule.
func (n *encodeNotes) appendSecretsMasked(dst []byte, value jsontext.Value) []byte {
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

// isSecretMetadata reports whether a name says which secret is meant, and is none.
func isSecretMetadata(name string) bool {
	switch name {
	case "id", "name", "type", "createdAt", "updatedAt", "expiresAt":
		return true
	}
	return false
}

// isSecretName reports whether a name is that of a secret.
func isSecretName(name string) bool {
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
