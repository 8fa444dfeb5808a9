package load

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"logto-syncer/internal/catalog"
)

// Known returns the items the mirror has of a listing below one parent with
// ids in [from, to), by id, at most limit of them; all with a limit of 0. An
// empty to has no end.
func (l *Loader) Known(ctx context.Context, listing *catalog.Listing, parent, from, to string, limit int) ([]KnownItem, error) {
	where, args := l.belowParent(listing, parent)
	id := pgx.Identifier{listing.IDColumn()}.Sanitize()
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
	known, err := l.collectKnown(listing)(l.pool.Query(ctx, sql, args...))
	if err != nil {
		return nil, fmt.Errorf("read what the mirror has of %s: %w", listing.Name, err)
	}
	return known, nil
}

// Lookup returns which of the ids the mirror has below one parent.
func (l *Loader) Lookup(ctx context.Context, listing *catalog.Listing, parent string, ids []string) ([]KnownItem, error) {
	where, args := l.belowParent(listing, parent)
	id := pgx.Identifier{listing.IDColumn()}.Sanitize()
	args = append(args, ids)
	sql := fmt.Sprintf("select %s, item_hash from %s where %s and %s = any($%d)", id, mirrorTable(listing), where, id, len(args))
	known, err := l.collectKnown(listing)(l.pool.Query(ctx, sql, args...))
	if err != nil {
		return nil, fmt.Errorf("look up what the mirror has of %s: %w", listing.Name, err)
	}
	return known, nil
}

// collectKnown reads ids and hashes of a listing's items.
func (l *Loader) collectKnown(listing *catalog.Listing) func(rows pgx.Rows, err error) ([]KnownItem, error) {
	tag := l.mappings[listing.Name].tag()
	return func(rows pgx.Rows, err error) ([]KnownItem, error) {
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var known []KnownItem
		for rows.Next() {
			var k KnownItem
			var hash []byte
			if err := rows.Scan(&k.ID, (*pgtype.DriverBytes)(&hash)); err != nil {
				return nil, err
			}
			copy(k.Hash[:], hash)
			k.Stale = k.Hash.shapeTag() != tag
			known = append(known, k)
		}
		return known, rows.Err()
	}
}

// CountBelowParent returns how many items the mirror has of a listing below one parent.
func (l *Loader) CountBelowParent(ctx context.Context, listing *catalog.Listing, parent string) (n int, err error) {
	where, args := l.belowParent(listing, parent)
	err = l.pool.QueryRow(ctx, fmt.Sprintf("select count(*) from %s where %s", mirrorTable(listing), where), args...).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count what the mirror has of %s: %w", listing.Name, err)
	}
	return n, nil
}

// belowParent returns the condition for the rows of a listing below one parent.
func (l *Loader) belowParent(listing *catalog.Listing, parent string) (where string, args []any) {
	if listing.Parent == "" {
		return "tenant_id = $1", []any{l.tenant}
	}
	return "tenant_id = $1 and " + pgx.Identifier{listing.ParentColumn()}.Sanitize() + " = $2", []any{l.tenant, parent}
}

func mirrorTable(listing *catalog.Listing) string {
	return pgx.Identifier{"logto", listing.Root.Name}.Sanitize()
}

// HasRows reports whether the mirror has anything of a listing.
func (l *Loader) HasRows(ctx context.Context, listing *catalog.Listing) (any bool, err error) {
	err = l.pool.QueryRow(ctx, "select exists (select from "+mirrorTable(listing)+" where tenant_id = $1)", l.tenant).Scan(&any)
	if err != nil {
		return false, fmt.Errorf("look whether the mirror has %s: %w", listing.Name, err)
	}
	return any, nil
}

// CountUpTo returns how many items of a listing the mirror has, or most if there
// are more, as the caller's transaction sees it.
func (l *Loader) CountUpTo(ctx context.Context, tx pgx.Tx, listing *catalog.Listing, most int) (n int, err error) {
	sql := "select count(*) from (select from " + mirrorTable(listing) + " where tenant_id = $1 limit $2) known"
	if err := tx.QueryRow(ctx, sql, l.tenant, most).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", listing.Name, err)
	}
	return n, nil
}

// CountItems returns how many items the mirror has of a listing, of all parents.
func (l *Loader) CountItems(ctx context.Context, listing *catalog.Listing) (int64, error) {
	return countItems(ctx, l.pool, l.tenant, listing)
}

type rowQueryer interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func countItems(ctx context.Context, db rowQueryer, tenant string, listing *catalog.Listing) (n int64, err error) {
	if err := db.QueryRow(ctx, "select count(*) from "+mirrorTable(listing)+" where tenant_id = $1", tenant).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", listing.Name, err)
	}
	return n, nil
}
