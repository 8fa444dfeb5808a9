package pgconnect

import (
	"context"
	_ "embed" // the statement
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgquery"
)

//go:embed sql/blockers.sql
var blockersSQL string

// A Blocker is a session that others wait for.
type Blocker struct {
	PID         int32      `db:"pid"`
	User        string     `db:"user_name"`
	Application string     `db:"application"` // as it calls itself; may be empty
	Since       *time.Time `db:"since"`       // when its transaction began; nil: it has none
	Command     string     `db:"command"`     // the first words of its last statement, without values
}

// String describes the blocker for a log line or a status.
func (b Blocker) String() string {
	who := b.User
	if b.Application != "" {
		who += ", " + b.Application
	}
	text := fmt.Sprintf("process %d (%s)", b.PID, who)
	if b.Since != nil {
		text += ", in a transaction since " + b.Since.UTC().Format("2006-01-02 15:04:05Z")
	}
	if b.Command != "" {
		text += ": " + b.Command
	}
	return text
}

// DescribeBlockers joins the descriptions of blockers.
func DescribeBlockers(blockers []Blocker) string {
	texts := make([]string, len(blockers))
	for i, b := range blockers {
		texts[i] = b.String()
	}
	return strings.Join(texts, "; ")
}

// Blockers returns the sessions outside of waiting for whose locks those of the
// process ids waiting wait now; none if none of them waits.
func Blockers(ctx context.Context, db pgquery.Queryer, waiting []uint32) ([]Blocker, error) {
	pids := make([]int32, len(waiting))
	for i, pid := range waiting {
		pids[i] = int32(pid)
	}
	blockers, err := pgquery.Rows(ctx, db, "look for who holds the locks", pgx.RowToStructByName[Blocker], blockersSQL, pids)
	for i := range blockers {
		blockers[i].Command = firstWords(blockers[i].Command)
	}
	return blockers, err
}

// maxWords is how many words of a statement are shown.
const maxWords = 6

// firstWords returns the beginning of a statement, up to where values may come.
func firstWords(statement string) string {
	if i := strings.IndexAny(statement, "'\"$(=0123456789"); i >= 0 {
		statement = statement[:i]
	}
	words := strings.Fields(statement)
	return strings.Join(words[:min(len(words), maxWords)], " ")
}
