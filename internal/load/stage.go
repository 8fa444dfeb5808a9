package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/pgquery"
)

// A Stage is where the rows of one run wait to be published. It is safe for
// concurrent use.
type Stage struct {
	*Loader
	// Fence is called first in the transactions in which Prepare makes tables;
	// its error ends them. Nil lets all. It is set before the first Prepare.
	Fence func(ctx context.Context, tx pgx.Tx) error
	run   int64

	making   sync.Mutex // held by who makes stage tables
	mu       sync.Mutex
	existing map[string]bool // stage tables that are there; shared ones in which the tenant has rows
}

// NewDetachedStage returns a stage with nothing in it, of no run.
func (l *Loader) NewDetachedStage() *Stage { return &Stage{Loader: l, existing: map[string]bool{}} }

// OpenStage returns the stage of a run, with what an earlier attempt left in it.
func (l *Loader) OpenStage(ctx context.Context, run int64) (*Stage, error) {
	s := &Stage{Loader: l, run: run}
	return s, s.ReloadTableNames(ctx, l.pool)
}

// ReloadTableNames looks for the stage tables again, as the caller's transaction sees them.
func (s *Stage) ReloadTableNames(ctx context.Context, db pgquery.Queryer) error {
	find := findRunStageTables
	if s.shared {
		find = findSharedTablesWithRows
	}
	names, err := find(ctx, db, s.tenant, s.run)
	if err != nil {
		return fmt.Errorf("look for the stage of run %d: %w", s.run, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.existing = make(map[string]bool, len(names))
	for _, name := range names {
		s.existing[name] = true
	}
	return nil
}

// stageTableName returns the name of a stage table.
func (s *Stage) stageTableName(table string) string {
	if s.shared {
		return table
	}
	return stageTableName(s.run, table)
}

// stageTable returns the quoted name of a stage table.
func (s *Stage) stageTable(table string) string {
	return pgx.Identifier{StageSchema, s.stageTableName(table)}.Sanitize()
}

func stageTableName(run int64, table string) string { return fmt.Sprintf("run_%d_%s", run, table) }

// hasStaged reports whether the run has staged anything for a table.
func (s *Stage) hasStaged(table string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.existing[s.stageTableName(table)]
}

// deletionsTable holds the items that are to leave the mirror.
const deletionsTable = "deletions"

// Write copies batches into the stage within the caller's transaction.
// Prepare has to have been called with them.
func (s *Stage) Write(ctx context.Context, tx pgx.Tx, batches []*Batch) error {
	type stream struct {
		columns []string
		tuples  []io.Reader
	}
	streams := map[string]*stream{}
	var order []string
	for _, b := range batches {
		for i, t := range b.mapping.tables() {
			if b.rows[i] == 0 {
				continue
			}
			if streams[t.name] == nil {
				streams[t.name] = &stream{columns: t.stageColumns(i == 0)}
				order = append(order, t.name)
			}
			streams[t.name].tuples = append(streams[t.name].tuples, bytes.NewReader(b.bytes[i]))
		}
	}
	for _, name := range order {
		if err := s.copyRows(ctx, tx, name, streams[name].columns, streams[name].tuples...); err != nil {
			return fmt.Errorf("stage rows of %s: %w", name, err)
		}
	}
	if err := s.writeIncomplete(ctx, tx, batches); err != nil {
		return err
	}
	return s.writeDeletions(ctx, tx, batches)
}

// copyRows streams encoded rows into a stage table.
func (s *Stage) copyRows(ctx context.Context, tx pgx.Tx, table string, columns []string, tuples ...io.Reader) error {
	sql := fmt.Sprintf("copy %s (%s) from stdin binary", s.stageTable(table), columnList("", columns))
	readers := append([]io.Reader{bytes.NewReader(copyHeader)}, tuples...)
	_, err := tx.Conn().PgConn().CopyFrom(ctx, io.MultiReader(append(readers, bytes.NewReader(copyTrailer))...), sql)
	return err
}

// stageColumns returns the columns of a stage table in the order of the tuples.
func (t *table) stageColumns(root bool) []string {
	names := []string{tenantColumn}
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	if t.hasExtra {
		names = append(names, extraColumn)
	}
	if root {
		names = append(names, hashColumn)
	}
	return append(names, seqColumn)
}

// columnList quotes names, each behind a prefix such as "s.".
func columnList(prefix string, names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = prefix + quote(name)
	}
	return strings.Join(quoted, ", ")
}

func (s *Stage) writeDeletions(ctx context.Context, tx pgx.Tx, batches []*Batch) error {
	var tuples []byte
	for _, b := range batches {
		for _, g := range b.deletions {
			tuples = appendInt64(appendTextFields(appendCount(tuples, 5), s.tenant, b.mapping.Name, g.parent, g.id), g.seq)
		}
	}
	if len(tuples) == 0 {
		return nil
	}
	columns := []string{tenantColumn, "listing", "parent", "id", seqColumn}
	if err := s.copyRows(ctx, tx, deletionsTable, columns, bytes.NewReader(tuples)); err != nil {
		return fmt.Errorf("stage what is deleted: %w", err)
	}
	return nil
}

// MergedParentIDs returns the ids of a top-level listing as they will be once the run
// is published, as far as it knows by now: those of the mirror and of the
// stage but for those deleted. Only ids greater than after, at most limit, in
// order; kind keeps those of a type, or of none.
func (s *Stage) MergedParentIDs(ctx context.Context, l *catalog.Listing, kind, after string, limit int) ([]string, error) {
	id := quote(l.IDColumn())
	where := fmt.Sprintf("tenant_id = $1 and %s > $2", id)
	args := []any{s.tenant, after, limit}
	if kind != "" {
		where += fmt.Sprintf(" and (%[1]s = $4 or %[1]s is null)", quote(catalog.TypeColumn))
		args = append(args, kind)
	}
	sql := fmt.Sprintf("select %s as id from %s where %s", id, mirrorTable(l), where)
	if s.hasStaged(l.Root.Name) {
		sql += fmt.Sprintf(" union select %s from %s where %s", id, s.stageTable(l.Root.Name), where)
	}
	sql = "select id from (" + sql + ") found"
	if s.hasStaged(deletionsTable) {
		args = append(args, l.Name)
		sql += " where not exists (" + s.deletedSubquery(l, "found.id", len(args)) + ")"
	}
	return pgquery.Column[string](ctx, s.pool, "read the parents in "+l.Name, sql+" order by id limit $3", args...)
}

// deletedSubquery returns the statement that finds whether an item of a top-level
// listing is deleted and has not been read again since. listing is the number of
// the parameter with the listing's name.
func (s *Stage) deletedSubquery(l *catalog.Listing, id string, listing int) string {
	sql := fmt.Sprintf("select from %s deleted where deleted.tenant_id = $1 and deleted.listing = $%d and deleted.id = %s",
		s.stageTable(deletionsTable), listing, id)
	if s.hasStaged(l.Root.Name) {
		sql += fmt.Sprintf(" and not exists (select from %s again where again.tenant_id = $1 and again.%s = deleted.id and again.%s > deleted.%s)",
			s.stageTable(l.Root.Name), quote(l.IDColumn()), seqColumn, seqColumn)
	}
	return sql
}

// EachItem calls f for every item of a listing that the run has staged, as a
// row or as deleted.
func (s *Stage) EachItem(ctx context.Context, l *catalog.Listing, f func(parent, id string)) error {
	var found []string
	if s.hasStaged(l.Root.Name) {
		parent := "''"
		if column := l.ParentColumn(); column != "" {
			parent = quote(column)
		}
		found = append(found, fmt.Sprintf("select %s, %s from %s where tenant_id = $1 and $2::text is not null", parent, quote(l.IDColumn()),
			s.stageTable(l.Root.Name)))
	}
	if s.hasStaged(deletionsTable) {
		found = append(found, "select parent, id from "+s.stageTable(deletionsTable)+" where tenant_id = $1 and listing = $2")
	}
	if len(found) == 0 {
		return nil
	}
	var parent, id string
	rows, _ := s.pool.Query(ctx, strings.Join(found, " union all "), s.tenant, l.Name) // the error is that of rows, too
	if _, err := pgx.ForEachRow(rows, []any{&parent, &id}, func() error { f(parent, id); return nil }); err != nil {
		return fmt.Errorf("read what is staged of %s: %w", l.Name, err)
	}
	return nil
}
