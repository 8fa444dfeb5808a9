package report_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// With different rules on the address of a user and of an invitation, one is not
// found by the other, and the answer says so.
func TestRowsOfAUserSayWhatPrivacyRulesHide(t *testing.T) {
	t.Parallel()
	pool := mirrored(t)
	for rules, hidden := range map[string]bool{
		`{}`: false,
		`{"users": "{\"avatar\":{\"drop\":true}}"}`:                                                                                                 false,
		`{"users": "{\"primary_email\":{\"hash\":true}} hmac-sha256:1"}`:                                                                            true,
		`{"users": "{\"primary_email\":{\"drop\":true}}"}`:                                                                                          true,
		`{"organization_invitations": "{\"invitee\":{\"hash\":true}} hmac-sha256:1"}`:                                                               true,
		`{"organization_invitations": "{\"invitee\":{\"drop\":true}}"}`:                                                                             false,
		`{"users": "{\"primary_email\":{\"hash\":true}} hmac-sha256:1", "organization_invitations": "{\"invitee\":{\"hash\":true}} hmac-sha256:1"}`: false,
	} {
		if _, err := pool.Exec(t.Context(), "update syncer.tenants set privacy_rules = $1", rules); err != nil {
			t.Fatal(err)
		}
		var notices string
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "select * from report.rows_of_user($1, 'duplicate001')", acme); err != nil {
				return err
			}
			return tx.QueryRow(t.Context(), "select coalesce(current_setting('report.notices', true), '')").Scan(&notices)
		})
		if err != nil || strings.Contains(notices, "are not found") != hidden {
			t.Errorf("%s: notices %q, error %v", rules, notices, err)
		}
	}
}
