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
	addresses, err := l.emailAddresses(ctx, tx, people)
	if err != nil {
		return nil, err
	}
	erased := map[string]int64{}
	for _, schema := range schemas {
		for _, table := range l.personTables(schema) {
			tag, err := tx.Exec(ctx, "delete from "+table.quoted()+" t where "+table.where, l.tenant, append([]string{}, people.IDs...), addresses)
			if err != nil {
				return nil, fmt.Errorf("forget users in %s.%s: %w", schema, table.name, err)
			}
			if tag.RowsAffected() > 0 {
				erased[schema+"."+table.name] = tag.RowsAffected()
			}
		}
	}
	return erased, nil
}
