package report

import (
	"context"
	_ "embed" // the query
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/pgquery"
)

//go:embed sql/unproved_listings.sql
var unprovedListings string

// A Notice says what an answer does not say, and why: a listing is not mirrored
// or not proved, or a moment is before its history begins.
type Notice struct {
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"` // what to do about it; may be empty
}

func (n Notice) String() string {
	if n.Hint == "" {
		return n.Text
	}
	return n.Text + ": " + n.Hint
}

// tablesReadBy returns the tables of the mirror that a query reads, history's under
// the name of the table whose past it is. It asks the planner, so that it also
// holds for what is below views, and not for columns that nobody asks for.
func tablesReadBy(ctx context.Context, tx pgx.Tx, sql string, values [][]byte, types []uint32) ([]string, error) {
	const explain = "explain (verbose, format json) "
	answer := tx.Conn().PgConn().ExecParams(ctx, explain+sql, values, types, nil, nil).Read()
	if refused, ok := errors.AsType[*pgconn.PgError](answer.Err); ok && refused.Position > 0 {
		refused.Position -= int32(len(explain))
	}
	if answer.Err != nil {
		return nil, answer.Err
	}
	var plans []any
	if len(answer.Rows) != 1 || json.Unmarshal(answer.Rows[0][0], &plans) != nil {
		return nil, fmt.Errorf("the plan of the query is no JSON")
	}
	return tablesInPlan(plans, nil), nil
}

// shardNumber is what Citus adds to the name of a table in the plan of a worker.
var shardNumber = regexp.MustCompile(`_[0-9]{6,}$`)

// tablesInPlan gathers the tables of the mirror in a plan.
func tablesInPlan(node any, found []string) []string {
	switch n := node.(type) {
	case []any:
		for _, child := range n {
			found = tablesInPlan(child, found)
		}
	case map[string]any:
		schema, _ := n["Schema"].(string)
		name, _ := n["Relation Name"].(string)
		name = shardNumber.ReplaceAllString(name, "")
		if (schema == "logto" || schema == "logto_history") && !slices.Contains(found, name) {
			found = append(found, name)
		}
		for _, child := range n {
			found = tablesInPlan(child, found)
		}
	}
	return found
}

// UnprovedListingNotices returns what the mirror does not know of the tables that a query
// without parameters rests on.
func UnprovedListingNotices(ctx context.Context, tx pgx.Tx, sql string, tenants []string) ([]Notice, error) {
	tables, err := tablesReadBy(ctx, tx, sql, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("plan a query: %w", err)
	}
	return unprovedTableNotices(ctx, tx, tables, tenants)
}

// unprovedTableNotices returns what the mirror does not know of tables.
func unprovedTableNotices(ctx context.Context, db pgquery.Queryer, tables, tenants []string) ([]Notice, error) {
	return pgquery.Rows(ctx, db, "look for what is not mirrored", func(row pgx.CollectableRow) (Notice, error) {
		var listing, state, reason string
		var of []string
		err := row.Scan(&listing, &state, &reason, &of)
		return listingStateNotice(joinFirstNames(of), listing, state, reason), err
	}, unprovedListings, tables, tenants)
}

func listingStateNotice(tenants, listing, state, reason string) Notice {
	switch state {
	case "not mirrored":
		return Notice{fmt.Sprintf("%s: %s is not mirrored: nothing is known of it", tenants, listing), "add it to listings in jobs.yaml: [all, " + listing + "]"}
	case "unknown to server":
		return Notice{fmt.Sprintf("%s: this version of Logto has no %s", tenants, listing), ""}
	}
	text := fmt.Sprintf("%s: the last reading of %s is %s: rows may be missing, or still there", tenants, listing, state)
	if reason != "" {
		text += " (" + reason + ")"
	}
	return Notice{text, "syncer run reads it again"}
}

// noticesFromSetting returns the notices that functions of the database raised while the query ran:
// report.add_notice keeps them in a setting of the transaction, a line each.
func noticesFromSetting(ctx context.Context, tx pgx.Tx) ([]Notice, error) {
	text, err := pgquery.Value[string](ctx, tx, "read the notices", "select coalesce(current_setting('report.notices', true), '')")
	if err != nil || text == "" {
		return nil, err
	}
	var notices []Notice
	for line := range strings.SplitSeq(text, "\n") {
		message, hint, _ := strings.Cut(line, "\t")
		notices = append(notices, Notice{message, hint})
	}
	return notices, nil
}
