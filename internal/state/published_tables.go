package state

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgquery"
)

// A PublishedTable is a table as a run publishes it.
type PublishedTable struct {
	Name    string
	Listing string // that fills it
	Proved  bool   // complete, by this run
	History bool   // what is replaced or deleted is kept from now on
}

// RecordPublishedTables notes, within the transaction that publishes at a moment, since
// when the content of tables is known and since when their history is kept.
// prunedBefore is zero unless versions that ended earlier are deleted.
func (r Run) RecordPublishedTables(ctx context.Context, tx pgx.Tx, tables []PublishedTable, at, prunedBefore time.Time) error {
	names, listings := make([]string, len(tables)), make([]string, len(tables))
	proved, history := make([]bool, len(tables)), make([]bool, len(tables))
	for i, t := range tables {
		names[i], listings[i], proved[i], history[i] = t.Name, t.Listing, t.Proved, t.History
	}
	var before *time.Time
	if !prunedBefore.IsZero() {
		before = &prunedBefore
	}
	return pgquery.Exec(ctx, tx, "record the published tables", embeddedStatement("record_published_tables"),
		r.Tenant, names, listings, proved, history, at, before)
}

// RecordErasure notes that people were erased, within the transaction that
// erases them: hashes of the users' ids, how many people were named, and how
// many rows were erased by table.
func RecordErasure(ctx context.Context, tx pgx.Tx, tenant string, users []string, people int, erased map[string]int64) error {
	const sql = `insert into syncer.erasures (tenant_id, salt, user_hashes, people, erased_rows)
select $1, s.salt, array(select report.erasure_hash(s.salt, $1, id) from unnest($2::text[]) id), $3, $4 from (select uuid_send(gen_random_uuid()) as salt) s`
	if erased == nil {
		erased = map[string]int64{}
	}
	return pgquery.Exec(ctx, tx, "record the erasure", sql, tenant, append([]string{}, users...), people, erased)
}
