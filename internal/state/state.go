// Package state keeps what outlives a run: the runs themselves, where they
// were, what they proved, and the lock that lets one run at a time work on a
// tenant. All of it is in schema syncer of the database the mirror is in; what
// belongs together with rows of the mirror is written in the transaction of
// those rows, which the caller opens and hands in. The package knows nothing
// of Logto or of how rows are loaded.
package state

import (
	"embed"
	"strings"
)

//go:embed sql/*.sql
var files embed.FS

// embeddedStatement returns one of the package's statements by the name of its file.
func embeddedStatement(name string) string {
	text, err := files.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic(err) // a name in this package, a file beside it
	}
	return strings.TrimSpace(string(text))
}

// storableText returns a text as Postgres can hold it: what is not UTF-8, and NUL,
// becomes U+FFFD.
func storableText(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}
