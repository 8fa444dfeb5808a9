package state

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// TenantPrivacyRules returns what SetTenantPrivacyRules has kept for the tenant, by table; empty if
// it has not been called.
func (r Run) TenantPrivacyRules(ctx context.Context, tx pgx.Tx) (map[string]string, error) {
	return pgquery.Value[map[string]string](ctx, tx, "read the privacy rules in force", "select privacy_rules from syncer.tenants where tenant_id = $1", r.Tenant)
}

// SetTenantPrivacyRules keeps which privacy rules the tenant's rows are stored by, and
// that this run has applied those that are not what they were.
func (r Run) SetTenantPrivacyRules(ctx context.Context, tx pgx.Tx, rules map[string]string) error {
	return pgquery.Exec(ctx, tx, "keep the privacy rules in force", embeddedStatement("set_tenant_privacy_rules"), r.Tenant, rules, r.ID)
}

// TablePrivacyRules are the privacy rules that the rows of a table are stored by.
type TablePrivacyRules struct {
	Table string     `db:"table_name"`
	Rules string     `db:"rules"`  // as SetTenantPrivacyRules was given them
	RunID *int64     `db:"run_id"` // the run that applied them; nil: not known
	Since *time.Time `db:"since"`  // when that was published; nil: not known
}

// PrivacyRulesInForce returns the privacy rules a tenant's rows are stored by, sorted
// by table; none for a tenant that is not known.
func PrivacyRulesInForce(ctx context.Context, pool *pgxpool.Pool, tenant string) ([]TablePrivacyRules, error) {
	return pgquery.Rows(ctx, pool, "read the privacy rules in force", pgx.RowToStructByName[TablePrivacyRules], embeddedStatement("rules_in_force"), tenant)
}
