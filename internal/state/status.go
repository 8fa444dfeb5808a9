package state

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// A RunRecord is what is known of a run, now or long ago.
type RunRecord struct {
	RunID       int64      `json:"run_id" db:"run_id"`
	Tenant      string     `json:"tenant" db:"tenant_id"`
	Job         string     `json:"job" db:"job"`
	Mode        string     `json:"mode" db:"mode"`
	Status      string     `json:"status" db:"status"`
	Alive       bool       `json:"alive" db:"alive"` // a process works on the tenant; a running run without one was killed
	Attempt     int        `json:"attempt" db:"attempt"`
	StartedAt   time.Time  `json:"started_at" db:"started_at"`
	AttemptedAt time.Time  `json:"attempted_at" db:"attempted_at"`
	FinishedAt  *time.Time `json:"finished_at" db:"finished_at"`
	PublishedAt *time.Time `json:"published_at" db:"published_at"`
	Requests    int64      `json:"requests" db:"requests"`
	Retries     int64      `json:"retries" db:"retries"`
	Throttled   int64      `json:"throttled" db:"throttled"`
	Seconds     float64    `json:"seconds" db:"seconds"`
	Error       string     `json:"error,omitempty" db:"error"`
	// Waiting is what the run is waiting for; empty: it is not.
	Waiting      string        `json:"waiting,omitempty" db:"waiting"`
	WaitingSince *time.Time    `json:"waiting_since,omitempty" db:"waiting_since"`
	Listings     []Certificate `json:"listings" db:"-"`
	Progress
}

// Progress is how far a run is that is not published: what it has read and
// stored. All of it is 0 for a run that is published or abandoned.
type Progress struct {
	ListingCount  int        `json:"listing_count" db:"listing_count"`     // that it is to read
	ListingsRead  int        `json:"listings_read" db:"listings_read"`     // of which it has read something
	ChunksRead    int64      `json:"chunks_read" db:"chunks_read"`         // about one a request
	RowsRead      int64      `json:"rows_read" db:"rows_read"`             // in them
	LastWrittenAt *time.Time `json:"last_written_at" db:"last_written_at"` // when the last of them was stored; nil: none was
}

// Freshness says how old what the mirror has of a listing is.
type Freshness struct {
	Tenant   string     `json:"tenant" db:"tenant_id"`
	Listing  string     `json:"listing" db:"listing"`
	RunID    int64      `json:"run_id" db:"run_id"` // the last run that was published with it
	Proof    string     `json:"proof" db:"proof"`
	Reason   string     `json:"reason,omitempty" db:"reason"`
	ReadAt   time.Time  `json:"read_at" db:"read_at"`
	ProvedAt *time.Time `json:"proved_at" db:"proved_at"` // when it was last read to a complete proof; nil: never
	// FollowedUntil is up to when runs of changes follow it; nil: they do not.
	FollowedUntil *time.Time `json:"followed_until" db:"followed_until"`
	FollowedBy    []string   `json:"followed_by,omitempty" db:"followed_by"`   // what tells of its changes
	FollowedGap   string     `json:"followed_gap,omitempty" db:"followed_gap"` // why it is not followed further; empty: nothing is in the way
}

// TablesExist reports whether the database has the tables of this package at all, to
// anybody who may read schema report.
func TablesExist(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	return pgquery.Value[bool](ctx, pool, "look for the tables of syncer", "select to_regclass('report.certificates') is not null")
}

// RecentRuns returns the last runs of every tenant, at most so many each, the newest
// first, with their certificates. Of runs that read changes there are three more.
func RecentRuns(ctx context.Context, pool *pgxpool.Pool, limit int) ([]RunRecord, error) {
	records, err := pgquery.Rows(ctx, pool, "read the last runs", pgx.RowToStructByName[RunRecord], embeddedStatement("status_runs"), limit, lockSeed)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(records))
	at := map[int64]int{}
	for i := range records {
		ids[i], at[records[i].RunID] = records[i].RunID, i
		records[i].Listings = []Certificate{}
	}
	type runCertificate struct {
		RunID int64 `db:"run_id"`
		Certificate
	}
	certificates, err := pgquery.Rows(ctx, pool, "read certificates", pgx.RowToStructByName[runCertificate], embeddedStatement("run_certificates"), ids)
	for _, c := range certificates {
		r := &records[at[c.RunID]]
		r.Listings = append(r.Listings, c.Certificate)
	}
	return records, err
}

// ListFreshness returns how fresh every listing ever published is, by tenant and
// listing.
func ListFreshness(ctx context.Context, pool *pgxpool.Pool) ([]Freshness, error) {
	return pgquery.Rows(ctx, pool, "read how fresh the tables are", pgx.RowToStructByName[Freshness], embeddedStatement("status_fresh"))
}
