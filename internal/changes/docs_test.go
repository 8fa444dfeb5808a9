package changes_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"logto-syncer/internal/changes"
)

// row is a rule as docs/fresh.md has it.
func row(r changes.FollowRule) string {
	events := make([]string, len(r.Events))
	for i, event := range r.Events {
		events[i] = "`" + event + "`"
	}
	told := strings.Join(events, ", ")
	if r.Since != "" {
		told += fmt.Sprintf(", since Logto %s", r.Since)
	}
	whole := map[bool]string{true: "yes"}[r.Whole]
	return fmt.Sprintf("| `%s` | %s | %s | %s |", r.Listing, told, whole, r.Untold)
}

func TestTheTableInTheDocumentsIsThatOfTheRules(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/fresh.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range changes.FollowRules() {
		want = append(want, row(r))
	}
	if !strings.Contains(string(text), strings.Join(want, "\n")+"\n\n") {
		t.Errorf("docs/fresh.md should have\n%s", strings.Join(want, "\n"))
	}
}
