// Package load puts the items of a run into Postgres in two steps. Stage
// writes the rows that are new or changed into tables of the run's own, by
// COPY; Publish merges them into the mirror in one transaction, so that a
// reader sees the tables as they were or as they are, never between. A row
// that has not changed is not written at all.
//
// What the columns of a table are is asked of the database, what they take of
// an item of package catalog. The package knows nothing of the API the items
// came from.
package load

import (
	"context"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
)

// StageSchema is where the tables of a run are until it is published.
const StageSchema = "syncer_stage"

// ItemHash is of all that is stored of an item; its first bytes say in which shape
// it is stored. The zero Hash is of no item.
type ItemHash [16]byte

// KnownItem is an item the mirror has. A stale one is stored otherwise than the
// loader would store it, since a release or a privacy rule came in between: it
// has to be read again, whatever is known of it.
type KnownItem struct {
	ID    string
	Hash  ItemHash
	Stale bool
}

// A Loader knows the tables of the mirror as they were when it was opened. It
// is safe for concurrent use.
type Loader struct {
	pool     *pgxpool.Pool
	tenant   string
	mappings map[string]*mapping // by listing
	shared   bool                // stage tables stay, with the rows of all tenants

	privacy Privacy
}

// Open reads the columns of the tables the listings fill. tenant is the value
// of their tenant_id.
func Open(ctx context.Context, pool *pgxpool.Pool, tenant string, listings []*catalog.Listing) (*Loader, error) {
	columns, err := readMirrorColumns(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("read the columns of the mirror: %w", err)
	}
	l := &Loader{pool: pool, tenant: tenant, mappings: map[string]*mapping{}}
	if l.shared, err = hasSharedStage(ctx, pool); err != nil {
		return nil, err
	}
	for _, listing := range listings {
		p, err := newMapping(listing, columns)
		if err != nil {
			return nil, fmt.Errorf("plan the tables of %s: %w", listing.Name, err)
		}
		l.mappings[listing.Name] = p
	}
	return l, nil
}

// ShapeFingerprint identifies what is stored of all the loader's listings, and where it is
// staged.
func (l *Loader) ShapeFingerprint() string {
	all := listingShape{}
	if l.shared {
		all[StageSchema] = tableShape{}
	}
	for _, p := range l.mappings {
		maps.Copy(all, p.described)
	}
	return fmt.Sprintf("%x", all.sum())
}
