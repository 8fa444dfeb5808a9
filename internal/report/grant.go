package report

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Grant lets a role read the mirror, its history and the reports, now and in
// tables to come, and nothing else: neither how syncer keeps the mirror nor
// what a run has not published. The role has to exist; the connection has to be
// that of the tables' owner. Granting again changes nothing.
//
// Tables to come are those their owner makes: the migrations of a later
// version, run as the same role as now.
func Grant(ctx context.Context, conn TxBeginner, role string) error {
	name := pgx.Identifier{role}.Sanitize()
	var statements []string
	for _, schema := range []string{"logto", "logto_history", "report"} {
		statements = append(statements,
			"grant usage on schema "+schema+" to "+name,
			"grant select on all tables in schema "+schema+" to "+name,
			"alter default privileges in schema "+schema+" grant select on tables to "+name)
	}
	// Everybody may call functions unless a careful administrator has revoked it.
	statements = append(statements,
		"grant execute on all functions in schema report to "+name,
		"alter default privileges in schema report grant execute on functions to "+name)
	err := pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{}, func(tx pgx.Tx) error {
		for _, statement := range statements {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("grant to %s: %w", role, err)
	}
	return nil
}
