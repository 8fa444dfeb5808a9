package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// A positionalQuery is the SQL of a report as Postgres takes it: $1 where it says @name.
type positionalQuery struct {
	sql   string
	names []string        // of $1, $2, ...
	moved []offsetMapping // where places in sql and in the file drift apart
}

// An offsetMapping says that from this place on in the SQL sent, the file is shift bytes
// further.
type offsetMapping struct{ sent, file int }

// code matches what is not a parameter, though it may look like one, and what
// is. Dollar quotes and nested comments are more than an expression can match,
// so skip looks for their ends.
var code = regexp.MustCompile(`(?s)--[^\n]*|/\*|[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?:[A-Za-z_]\w*)?\$|[\w.]+|[-+*/<>=~!#%^&|` + "`" + `?@]*@[a-z_]\w*|[-+*<>=~!#%^&|` + "`" + `?@]+`)

// numberParameters finds the parameters in the SQL of a report and writes $1, $2 and so
// on for them. An unknown one is an error that names file, line and column.
func numberParameters(r *Report) (positionalQuery, error) {
	return replaceParameters(r, func(n int) string { return fmt.Sprintf("$%d", n+1) })
}

// replaceParameters is numberParameters that writes what write returns for the nth
// parameter, from 0.
func replaceParameters(r *Report, write func(n int) string) (positionalQuery, error) {
	b, out, at := positionalQuery{}, strings.Builder{}, 0
	for at < len(r.SQL) {
		place := code.FindStringIndex(r.SQL[at:])
		if place == nil {
			break
		}
		start, end := at+place[0], at+place[1]
		token := r.SQL[start:end]
		name, isParam := strings.CutPrefix(token, "@")
		if !isParam || strings.IndexFunc(name, func(c rune) bool { return c == '_' || c >= 'a' && c <= 'z' }) != 0 {
			end = quoteOrCommentEnd(r.SQL, start, end)
			out.WriteString(r.SQL[at:end])
			at = end
			continue
		}
		if !slices.ContainsFunc(r.Params, func(p Param) bool { return p.Name == name }) {
			return b, mistakeAt(r, start, fmt.Sprintf("@%s is not a parameter of this report", name), "declare it in the head: -- param "+name+" TYPE = DEFAULT: description")
		}
		n := slices.Index(b.names, name)
		if n < 0 {
			n, b.names = len(b.names), append(b.names, name)
		}
		out.WriteString(r.SQL[at:start])
		out.WriteString(write(n))
		at = end
		b.moved = append(b.moved, offsetMapping{sent: out.Len(), file: end})
	}
	out.WriteString(r.SQL[at:])
	b.sql = out.String()
	return b, nil
}

// quoteOrCommentEnd returns the end of what begins at start: of a dollar quote or a comment
// that may hold others, what is found is only its beginning.
func quoteOrCommentEnd(sql string, start, end int) int {
	switch token := sql[start:end]; {
	case strings.HasPrefix(token, "$"):
		if length := strings.Index(sql[end:], token); length >= 0 {
			return end + length + len(token)
		}
		return len(sql)
	case token == "/*":
		for depth := 1; depth > 0; {
			next := strings.IndexAny(sql[end:], "*/")
			if next < 0 || end+next+1 >= len(sql) {
				return len(sql)
			}
			end += next
			switch sql[end : end+2] {
			case "/*":
				depth, end = depth+1, end+2
			case "*/":
				depth, end = depth-1, end+2
			default:
				end++
			}
		}
	}
	return end
}

// fileOffset turns a place in the SQL sent, in characters from 1 as Postgres
// counts, into one in the file, in bytes from 0.
func (b positionalQuery) fileOffset(position int) int {
	sent := 0
	for range position - 1 {
		_, size := utf8.DecodeRuneInString(b.sql[sent:])
		sent += size
	}
	file := sent
	for _, m := range b.moved {
		if m.sent <= sent {
			file = m.file + sent - m.sent
		}
	}
	return file
}
