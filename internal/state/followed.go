package state

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// Changes is the mode of runs that read what changed, and prove nothing.
const Changes = "changes"

// Yielded is what a run of changes came to that left the tenant to another run.
// There is no row of it in syncer.runs.
const Yielded = "yielded"

// FollowedListing says up to when a listing is followed between two proofs; see the
// comments of syncer.followed.
type FollowedListing struct {
	Listing  string     `json:"listing" db:"listing"`
	Until    *time.Time `json:"followed_until" db:"followed_until"` // nil: it is not followed
	Sources  []string   `json:"sources" db:"sources"`
	Gap      string     `json:"gap,omitempty" db:"gap"`
	GapHeals bool       `json:"gap_heals,omitempty" db:"gap_heals"`
}

// A FeedPosition is how far a source of changes has been read; see the comments
// of syncer.feed_positions.
type FeedPosition struct {
	Source    string    `db:"source"`
	ReadUntil time.Time `db:"read_until"`
	RecentIDs []string  `db:"recent_ids"`
	Events    []string  `db:"events"`
}

// FollowedListings returns what a tenant's runs of changes follow, by listing.
func FollowedListings(ctx context.Context, pool *pgxpool.Pool, tenant string) (map[string]FollowedListing, error) {
	const sql = "select listing, followed_until, sources, coalesce(gap, '') as gap, gap_heals from syncer.followed where tenant_id = $1"
	all, err := pgquery.Rows(ctx, pool, "read what is followed of "+tenant, pgx.RowToStructByName[FollowedListing], sql, tenant)
	if err != nil {
		return nil, err
	}
	out := make(map[string]FollowedListing, len(all))
	for _, f := range all {
		out[f.Listing] = f
	}
	return out, nil
}

// FeedPositions returns how far the sources of a tenant's changes have been read,
// by source.
func FeedPositions(ctx context.Context, pool *pgxpool.Pool, tenant string) (map[string]FeedPosition, error) {
	const sql = "select source, read_until, recent_ids, events from syncer.feed_positions where tenant_id = $1"
	all, err := pgquery.Rows(ctx, pool, "read the feed positions of "+tenant, pgx.RowToStructByName[FeedPosition], sql, tenant)
	if err != nil {
		return nil, err
	}
	out := make(map[string]FeedPosition, len(all))
	for _, p := range all {
		out[p.Source] = p
	}
	return out, nil
}

// EverProvedListings returns the listings of a tenant that a published run has proved
// complete at least once.
func EverProvedListings(ctx context.Context, pool *pgxpool.Pool, tenant string) (map[string]bool, error) {
	names, err := pgquery.Column[string](ctx, pool, "read which listings of "+tenant+" are proved",
		"select distinct listing from syncer.mirrored_tables where tenant_id = $1", tenant)
	if err != nil {
		return nil, err
	}
	out := make(map[string]bool, len(names))
	for _, name := range names {
		out[name] = true
	}
	return out, nil
}

// ResumableProvingRun returns the number of the tenant's unfinished proving run that
// may still be resumed; 0: there is none. The caller holds the tenant's lock.
func ResumableProvingRun(ctx context.Context, pool *pgxpool.Pool, tenant string, within time.Duration) (int64, error) {
	const sql = `select coalesce(max(run_id), 0) from syncer.runs
where tenant_id = $1 and mode <> 'changes' and status in ('running', 'stopped', 'failed') and started_at > now() - $2::interval`
	return pgquery.Value[int64](ctx, pool, "look for an unfinished run of "+tenant, sql, tenant, within)
}

// RecordFollowed records up to when listings are followed, and how far the sources of
// changes are read, within the transaction that publishes the run. Positions of
// the sources in gone are deleted.
func (r Run) RecordFollowed(ctx context.Context, tx pgx.Tx, followed []FollowedListing, positions []FeedPosition, gone []string) error {
	batch := &pgx.Batch{}
	for _, f := range followed {
		batch.Queue(embeddedStatement("follow"), r.Tenant, f.Listing, f.Until, f.Sources, storableText(f.Gap), f.GapHeals, r.ID)
	}
	for _, p := range positions {
		batch.Queue(embeddedStatement("upsert_feed_position"), r.Tenant, p.Source, p.ReadUntil, append([]string{}, p.RecentIDs...), append([]string{}, p.Events...), r.ID)
	}
	if len(gone) > 0 {
		batch.Queue("delete from syncer.feed_positions where tenant_id = $1 and source = any($2)", r.Tenant, gone)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("record what run %d follows: %w", r.ID, err)
	}
	return nil
}

// FollowProvedParams is what a run that proves says of the sources of changes.
type FollowProvedParams struct {
	Now      time.Time // by the server's clock
	Began    time.Time // when the last attempt began, by the server's clock
	Listings []string  // that the run proved
	// UnsettledEvents are those of listings that the run has not proved: what they
	// told before it is still to be read. None: the sources are of use from the
	// run on.
	UnsettledEvents []string
}

// FollowProved moves what is followed to a proof, within the transaction that
// publishes the run: listings that it proved are followed up to its beginning,
// without a gap. Sources without a position get the beginning of the run, for
// events that it leaves untold of nothing; all get it if there are no such events.
func (r Run) FollowProved(ctx context.Context, tx pgx.Tx, p FollowProvedParams) error {
	doing := fmt.Sprintf("record what run %d follows", r.ID)
	hooks, err := pgquery.Value[json.RawMessage](ctx, tx, doing, embeddedStatement("hooks_with_events"), r.Tenant)
	if err != nil {
		return err
	}
	return pgquery.Exec(ctx, tx, doing, embeddedStatement("follow_proved"),
		r.Tenant, r.ID, p.Now, p.Listings, append([]string{}, p.UnsettledEvents...), p.Began, hooks)
}
