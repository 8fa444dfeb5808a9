package mirror

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/state"
)

// recordPublishedTables notes what the certificates mean for questions: which tables
// are known from now on, and since when they have a history.
func (a *attempt) recordPublishedTables(ctx context.Context, tx pgx.Tx, certificates []state.Certificate, at time.Time) error {
	proofs := map[string]string{}
	for _, c := range certificates {
		proofs[c.Listing] = c.Proof
	}
	var tables []state.PublishedTable
	for _, l := range a.job.Listings {
		for _, t := range l.Tables() {
			tables = append(tables, state.PublishedTable{
				Name: t.Name, Listing: l.Name, Proved: proofs[l.Name] == string(extract.Complete), History: !a.job.NoHistory[t.Name],
			})
		}
	}
	var prunedBefore time.Time
	if a.job.Retention > 0 {
		prunedBefore = at.Add(-a.job.Retention)
	}
	return a.run.RecordPublishedTables(ctx, tx, tables, at, prunedBefore)
}
