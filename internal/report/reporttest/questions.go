// Package reporttest is what the questions of docs/questions.md are asked of
// and with: for the test that holds the document to its answers, and for the
// measurement of how long they take on a big tenant. It is not in the program.
package reporttest

import (
	"fmt"
	"regexp"
	"strings"
)

// A DocQuestion is one of the document's.
type DocQuestion struct {
	Number, Text string
	Whole        bool // of the whole tenant, not of one person, role or organization
	SQL          string
	Answer       string
	From, To     int // where the answer is in the document
}

var questionForm = regexp.MustCompile("(?s)### (\\d+)\\. ([^\n]+)\n\n\\*(One [^.*]+|The whole tenant)\\.\\*.*?```sql\n(.*?)```\n\n```text\n(.*?)```")

// ParseQuestions returns all of a document's. It is an error if one of them does
// not say what it is about, or lacks SQL or answer.
func ParseQuestions(document string) ([]DocQuestion, error) {
	found := questionForm.FindAllStringSubmatchIndex(document, -1)
	if n := strings.Count(document, "\n### "); len(found) != n {
		return nil, fmt.Errorf("%d questions, %d of them with what they are about, SQL and answer", n, len(found))
	}
	var all []DocQuestion
	for _, f := range found {
		part := func(n int) string { return document[f[2*n]:f[2*n+1]] }
		all = append(all, DocQuestion{
			Number: part(1), Text: part(2), Whole: part(3) == "The whole tenant", SQL: part(4), Answer: part(5), From: f[10], To: f[11],
		})
	}
	return all, nil
}
