package state

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// StoredPrivacyRules returns what SetStoredPrivacyRules has kept for the tenant, by table; empty if
// it has not been called.
func (r Run) StoredPrivacyRules(ctx context.Context, tx pgx.Tx) (rules map[string]string, err error) {
	if err := tx.QueryRow(ctx, "select privacy_rules from syncer.tenants where tenant_id = $1", r.Tenant).Scan(&rules); err != nil {
		return nil, fmt.Errorf("read the privacy rules in force: %w", err)
	}
	return rules, nil
}

// SetStoredPrivacyRules keeps which privacy rules the tenant's rows are stored by, and
// that this run has applied those that are not what they were.
func (r Run) SetStoredPrivacyRules(ctx context.Context, tx pgx.Tx, rules map[string]string) error {
	if _, err := tx.Exec(ctx, embeddedStatement("set_privacy"), r.Tenant, rules, r.ID); err != nil {
		return fmt.Errorf("keep the privacy rules in force: %w", err)
	}
	return nil
}

// PrivacyRuleInForce are the privacy rules that the rows of a table are stored by.
type PrivacyRuleInForce struct {
	Table string     `db:"table_name"`
	Rules string     `db:"rules"`  // as SetStoredPrivacyRules was given them
	RunID *int64     `db:"run_id"` // the run that applied them; nil: not known
	Since *time.Time `db:"since"`  // when that was published; nil: not known
}

// PrivacyRulesInForce returns the privacy rules a tenant's rows are stored by, sorted
// by table; none for a tenant that is not known.
func PrivacyRulesInForce(ctx context.Context, pool *pgxpool.Pool, tenant string) ([]PrivacyRuleInForce, error) {
	rows, err := pool.Query(ctx, embeddedStatement("rules_in_force"), tenant)
	if err != nil {
		return nil, fmt.Errorf("read the privacy rules in force: %w", err)
	}
	rules, err := pgx.CollectRows(rows, pgx.RowToStructByName[PrivacyRuleInForce])
	if err != nil {
		return nil, fmt.Errorf("read the privacy rules in force: %w", err)
	}
	return rules, nil
}
