package load

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// schemas are those that hold rows of a tenant for readers.
var schemas = []string{"logto", "logto_history"}

// PruneHistory removes versions from history that ended before a moment, within the
// caller's transaction.
func (l *Loader) PruneHistory(ctx context.Context, tx pgx.Tx, before time.Time) error {
	for _, p := range l.mappings {
		for _, t := range p.tables() {
			sql := "delete from logto_history." + quote(t.name) + " where tenant_id = $1 and valid_to < $2"
			if _, err := tx.Exec(ctx, sql, l.tenant, before); err != nil {
				return fmt.Errorf("prune the history of %s: %w", t.name, err)
			}
		}
	}
	return nil
}

// DataSubjects names whose rows are meant.
type DataSubjects struct {
	IDs []string // of users
	// E-mail addresses besides those that the users have or had, in any case,
	// or as a privacy rule stores them. What else is in it finds nothing.
	Addresses []string
	Named     int // how many people were named; for the record
	// Hash is what the hash rules store instead of a text; nil: not known. With
	// it, an address and an invitation to it are found together even if only
	// one of them is stored as a hash.
	Hash func(text string) string
}

// EraseUsers erases people from the mirror and its history, within the caller's
// transaction: the users' own rows, all rows that point at them, invitations
// sent to an e-mail address they ever had or to one that is named, and log
// entries about them. It returns how many rows it erased, by table as
// "logto_history.users". The loader has to have been opened with all listings.
func (l *Loader) EraseUsers(ctx context.Context, tx pgx.Tx, people DataSubjects) (map[string]int64, error) {
	users := append([]string{}, people.IDs...)
	erased := map[string]int64{}
	erase := func(schema, table, where string, args ...any) error {
		tag, err := tx.Exec(ctx, "delete from "+pgx.Identifier{schema, table}.Sanitize()+" where tenant_id = $1 and "+where,
			append([]any{l.tenant}, args...)...)
		if err != nil {
			return fmt.Errorf("forget users in %s.%s: %w", schema, table, err)
		}
		if tag.RowsAffected() > 0 {
			erased[schema+"."+table] += tag.RowsAffected()
		}
		return nil
	}
	addresses, err := l.emailAddresses(ctx, tx, people)
	if err != nil {
		return nil, err
	}
	for _, schema := range schemas {
		// Roles of invitations have no column of the user's: they go first.
		roles := `organization_invitation_id in (select id from ` + schema + `.organization_invitations
where tenant_id = $1 and (inviter_id = any($2) or accepted_user_id = any($2) or lower(invitee) = any($3)))`
		if err := erase(schema, "organization_invitation_roles", roles, users, addresses); err != nil {
			return nil, err
		}
		if err := erase(schema, "organization_invitations", "lower(invitee) = any($2)", addresses); err != nil {
			return nil, err
		}
		if err := erase(schema, "logs", "payload->>'userId' = any($2)", users); err != nil {
			return nil, err
		}
		for _, p := range l.mappings {
			for _, t := range p.tables() {
				for _, ref := range t.Refs {
					if ref.Table != "users" {
						continue
					}
					if err := erase(schema, t.name, quote(ref.Column)+" = any($2)", users); err != nil {
						return nil, err
					}
				}
			}
		}
		if err := erase(schema, "users", "id = any($2)", users); err != nil {
			return nil, err
		}
	}
	return erased, nil
}
