package load

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/pgquery"
)

// KnownInRange returns the items the mirror has of a listing below one parent with
// ids in [from, to), by id, at most limit of them; all with a limit of 0. An
// empty to has no end.
func (l *Loader) KnownInRange(ctx context.Context, listing *catalog.Listing, parent, from, to string, limit int) ([]KnownItem, error) {
	where, args := l.belowParentCondition(listing, parent)
	id := quote(listing.IDColumn())
	sql := fmt.Sprintf("select %s, item_hash from %s where %s", id, mirrorTable(listing), where)
	if from != "" {
		args = append(args, from)
		sql += fmt.Sprintf(" and %s >= $%d", id, len(args))
	}
	if to != "" {
		args = append(args, to)
		sql += fmt.Sprintf(" and %s < $%d", id, len(args))
	}
	sql += " order by " + id
	if limit > 0 {
		sql += fmt.Sprintf(" limit %d", limit)
	}
	return pgquery.Rows(ctx, l.pool, "read what the mirror has of "+listing.Name, l.rowToKnownItem(listing), sql, args...)
}

// KnownByID returns which of the ids the mirror has below one parent.
func (l *Loader) KnownByID(ctx context.Context, listing *catalog.Listing, parent string, ids []string) ([]KnownItem, error) {
	where, args := l.belowParentCondition(listing, parent)
	id := quote(listing.IDColumn())
	args = append(args, ids)
	sql := fmt.Sprintf("select %s, item_hash from %s where %s and %s = any($%d)", id, mirrorTable(listing), where, id, len(args))
	return pgquery.Rows(ctx, l.pool, "look up what the mirror has of "+listing.Name, l.rowToKnownItem(listing), sql, args...)
}

// rowToKnownItem reads id and hash of a listing's item.
func (l *Loader) rowToKnownItem(listing *catalog.Listing) pgx.RowToFunc[KnownItem] {
	tag := l.mappings[listing.Name].tag()
	return func(row pgx.CollectableRow) (k KnownItem, err error) {
		var hash pgtype.DriverBytes // of the row: copied below
		err = row.Scan(&k.ID, &hash)
		copy(k.Hash[:], hash)
		k.Stale = k.Hash.shapeTag() != tag
		return k, err
	}
}

// CountBelowParent returns how many items the mirror has of a listing below one parent.
func (l *Loader) CountBelowParent(ctx context.Context, listing *catalog.Listing, parent string) (int, error) {
	where, args := l.belowParentCondition(listing, parent)
	return pgquery.Value[int](ctx, l.pool, "count what the mirror has of "+listing.Name, fmt.Sprintf("select count(*) from %s where %s", mirrorTable(listing), where), args...)
}

// belowParentCondition returns the condition for the rows of a listing below one parent.
func (l *Loader) belowParentCondition(listing *catalog.Listing, parent string) (where string, args []any) {
	if listing.Parent == "" {
		return "tenant_id = $1", []any{l.tenant}
	}
	return "tenant_id = $1 and " + quote(listing.ParentColumn()) + " = $2", []any{l.tenant, parent}
}

func mirrorTable(listing *catalog.Listing) string {
	return pgx.Identifier{"logto", listing.Root.Name}.Sanitize()
}

// HasRows reports whether the mirror has anything of a listing.
func (l *Loader) HasRows(ctx context.Context, listing *catalog.Listing) (bool, error) {
	return pgquery.Value[bool](ctx, l.pool, "look whether the mirror has "+listing.Name,
		"select exists (select from "+mirrorTable(listing)+" where tenant_id = $1)", l.tenant)
}

// CountUpTo returns how many items of a listing the mirror has, or most if there
// are more, as the caller's transaction sees it.
func (l *Loader) CountUpTo(ctx context.Context, tx pgx.Tx, listing *catalog.Listing, most int) (int, error) {
	return pgquery.Value[int](ctx, tx, "count "+listing.Name,
		"select count(*) from (select from "+mirrorTable(listing)+" where tenant_id = $1 limit $2) known", l.tenant, most)
}

// CountItems returns how many items the mirror has of a listing, of all parents.
func (l *Loader) CountItems(ctx context.Context, listing *catalog.Listing) (int64, error) {
	return pgquery.Value[int64](ctx, l.pool, "count "+listing.Name, "select count(*) from "+mirrorTable(listing)+" where tenant_id = $1", l.tenant)
}
