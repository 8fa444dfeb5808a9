package load

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/pgquery"
)

// Publish merges the stage into the mirror within the caller's transaction,
// which the caller commits. listings are all that the run read, in the order
// of the catalog. The result is by listing.
//
// Whether the run has read an item twice is not looked for where it was read in
// ranges and the mirror has nothing yet: that took an eighth of a first load,
// and the primary key finds out. If it does, all is published again, with a
// look. Lists that are read by pages are read twice as a rule.
func (s *Stage) Publish(ctx context.Context, tx pgx.Tx, listings []*catalog.Listing, how PublishOptions) (changes map[string]*ChangeCounts, err error) {
	if err := raisePendingListLimit(ctx, tx); err != nil {
		return nil, err
	}
	fresh, err := s.findEmptyMirrorTables(ctx, tx, listings)
	if err != nil {
		return nil, err
	}
	if len(fresh) > 0 {
		err = pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) (err error) {
			changes, err = s.publish(ctx, inner, listings, how, fresh, true)
			return err
		})
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != uniqueViolation {
			return changes, err
		}
	}
	return s.publish(ctx, tx, listings, how, fresh, false)
}

const uniqueViolation = "23505"

// findEmptyMirrorTables returns the staged tables in which the mirror has no row of the tenant.
func (s *Stage) findEmptyMirrorTables(ctx context.Context, tx pgx.Tx, listings []*catalog.Listing) (map[string]bool, error) {
	fresh := map[string]bool{}
	for _, l := range listings {
		for _, t := range s.mappings[l.Name].tables() {
			if !s.hasStaged(t.name) {
				continue
			}
			sql := "select not exists (select from logto." + quote(t.name) + " where tenant_id = $1)"
			empty, err := pgquery.Value[bool](ctx, tx, "look for rows in "+t.name, sql, s.tenant)
			if err != nil {
				return nil, err
			}
			if empty {
				fresh[t.name] = true
			}
		}
	}
	return fresh, nil
}
