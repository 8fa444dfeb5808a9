package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// EnsureTables makes the stage tables that the batches need and that are not there.
// It has a transaction of its own, so that Write needs no locks on the catalog.
// One caller makes tables, others wait for it.
func (s *Stage) EnsureTables(ctx context.Context, batches []*Batch) error {
	if len(s.missingTables(batches)) == 0 {
		return nil
	}
	s.making.Lock()
	defer s.making.Unlock()
	missing := s.missingTables(batches) // another may have made them in the meantime
	if len(missing) == 0 {
		return nil
	}
	if !s.shared {
		if err := s.execDDL(ctx, strings.Join(slices.Sorted(maps.Values(missing)), ";\n")); err != nil {
			return fmt.Errorf("make stage tables of run %d: %w", s.run, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for table := range missing {
		s.existing[s.stageTableName(table)] = true
	}
	return nil
}

// missingTables returns the tables that the batches need and that are not there,
// each with the statement that makes it.
func (s *Stage) missingTables(batches []*Batch) map[string]string {
	missing := map[string]string{}
	for _, b := range batches {
		for i, t := range b.mapping.tables() {
			if b.rows[i] > 0 && !s.hasStaged(t.name) {
				missing[t.name] = s.createTableSQL(t)
			}
		}
		if len(b.deletions) > 0 && !s.hasStaged(deletionsTable) {
			missing[deletionsTable] = fmt.Sprintf(
				`create table if not exists %s (tenant_id text collate "C" not null, listing text, parent text collate "C", id text collate "C", %s bigint)`,
				s.stageTable(deletionsTable), seqColumn)
		}
		if len(b.incompletes) > 0 && !s.hasStaged(incompleteTable) {
			missing[incompleteTable] = fmt.Sprintf(
				`create table if not exists %s (tenant_id text collate "C" not null, listing text, table_name text, field text, parent text collate "C", id text collate "C", %s bigint)`,
				s.stageTable(incompleteTable), seqColumn)
		}
	}
	return missing
}

// createAttempts is how many attempts at a run may still be making its tables: they
// can be broken off while the server is at it, and the server notices it late.
const createAttempts = 4

// execDDL makes stage tables. "If not exists" does not look at what a
// transaction is about to commit: it waits for it, and fails, or finds that the
// type or the table is there after all.
func (s *Stage) execDDL(ctx context.Context, ddl string) (err error) {
	for range createAttempts {
		err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
			if s.Fence != nil {
				if err := s.Fence(ctx, tx); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, ddl)
			return err
		})
		if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || !slices.Contains(createdConcurrently, pg.Code) {
			return err
		}
	}
	return err
}

// createdConcurrently are the errors of a table that somebody else has just made.
var createdConcurrently = []string{uniqueViolation, "42710", "42P07"} // duplicate_object, duplicate_table

// createTableSQL returns the statement that makes the stage of a table: its
// columns and the number of the reading a row is of.
func (s *Stage) createTableSQL(t *table) string {
	stage := s.stageTable(t.name)
	ddl := fmt.Sprintf("create table if not exists %s (like %s, %s bigint not null)",
		stage, pgx.Identifier{"logto", t.name}.Sanitize(), seqColumn)
	return ddl + fmt.Sprintf(";\nalter table %s drop column if exists %s", stage, fromColumn)
}
