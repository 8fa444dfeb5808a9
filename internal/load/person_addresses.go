package load

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgquery"
)

// emailAddresses returns the e-mail addresses the people have or had, and those that
// are named, in lower case, as invitations may store them: as they are, or as
// hashes.
func (l *Loader) emailAddresses(ctx context.Context, tx pgx.Tx, people DataSubjects) ([]string, error) {
	const sql = `select distinct primary_email from (
    select id, primary_email from logto.users where tenant_id = $1
    union all select id, primary_email from logto_history.users where tenant_id = $1
) u where id = any($2) and primary_email is not null`
	stored, err := l.texts(ctx, tx, sql, append([]string{}, people.IDs...))
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, address := range append(stored, people.Addresses...) {
		found[strings.ToLower(address)] = true
		if people.Hash != nil && !isHash(address) {
			found[people.Hash(address)], found[people.Hash(strings.ToLower(address))] = true, true
		}
	}
	if people.Hash != nil && slices.ContainsFunc(stored, isHash) {
		if err := l.addInviteesByHash(ctx, tx, found, people.Hash); err != nil {
			return nil, err
		}
	}
	all := slices.AppendSeq([]string{}, maps.Keys(found)) // not nil, which Postgres takes for null
	slices.Sort(all)
	return all, nil
}

// addInviteesByHash adds the addresses of invitations whose hashes are among
// those found: a hash says nothing of the address, so each is tried.
func (l *Loader) addInviteesByHash(ctx context.Context, tx pgx.Tx, found map[string]bool, hash func(string) string) error {
	const sql = `select distinct invitee from (
    select tenant_id, invitee from logto.organization_invitations
    union all select tenant_id, invitee from logto_history.organization_invitations
) i where tenant_id = $1 and invitee not like $2`
	invited, err := l.texts(ctx, tx, sql, hashPrefix+"%")
	if err != nil {
		return err
	}
	for _, address := range invited {
		if found[hash(address)] || found[hash(strings.ToLower(address))] {
			found[strings.ToLower(address)] = true
		}
	}
	return nil
}

// texts returns the one column of a query about the tenant.
func (l *Loader) texts(ctx context.Context, tx pgx.Tx, sql string, arg any) ([]string, error) {
	return pgquery.Column[string](ctx, tx, "look for the people's addresses", sql, l.tenant, arg)
}

// isHash reports whether a text is what a hash rule stores.
func isHash(text string) bool { return strings.HasPrefix(text, hashPrefix) }
