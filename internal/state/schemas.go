package state

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// Schemas are those the program keeps its tables in, with their comments. They
// are created before the migrations and may be there already, empty: a role
// that may not create schemas can be given them.
var schemas = []struct{ name, comment string }{
	{"syncer", "State of syncer: tenants, runs, checkpoints, certificates, and what the processes of syncer serve share."},
	{"syncer_stage", "Rows that a run has read and not yet published, in tables named run_<run>_<table>, which are dropped when the run is published or abandoned. In a database that is distributed with Citus, in tables of that name without a run, which stay."},
	{"logto", "What Logto has now: the mirror, as of the last published run."},
	{"logto_history", "What Logto had before: versions of rows that were replaced or deleted."},
	{"report", "Questions about the mirror, each with its answer: a view, or a function where it takes a date or a name."},
}

// A OccupiedSchemasError says that schemas the program needs hold something else.
type OccupiedSchemasError struct {
	Schemas []OccupiedSchema
}

// An OccupiedSchema is a schema with objects that are not the program's.
type OccupiedSchema struct {
	Name    string   `db:"schema_name"`
	Objects []string `db:"objects"` // the first few, such as "table sales"
	Count   int64    `db:"object_count"`
}

func (e *OccupiedSchemasError) Error() string {
	texts := make([]string, len(e.Schemas))
	for i, s := range e.Schemas {
		texts[i] = fmt.Sprintf("%s holds %s", s.Name, strings.Join(s.Objects, ", "))
		if more := s.Count - int64(len(s.Objects)); more > 0 {
			texts[i] += fmt.Sprintf(" and %d more", more)
		}
	}
	return "schemas that syncer needs for itself are in use: schema " + strings.Join(texts, "; schema ") + "; nothing was changed"
}

// CheckSchemasFree returns an *OccupiedSchemasError if the database has not been migrated and
// schemas of the program's names hold something already. It only reads.
func CheckSchemasFree(ctx context.Context, pool *pgxpool.Pool) error {
	names := make([]string, len(schemas))
	for i, s := range schemas {
		names[i] = s.name
	}
	occupied, err := pgquery.Rows(ctx, pool, "look into the schemas that are there", pgx.RowToStructByName[OccupiedSchema],
		embeddedStatement("occupied_schemas"), names, migrationsTable)
	if len(occupied) > 0 {
		return &OccupiedSchemasError{occupied}
	}
	return err
}

// createSchemas creates those of the schemas that are not there. The lock: of
// two processes that create a schema at once, one fails.
func createSchemas(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := pgquery.Exec(ctx, tx, "wait to create the schemas", "select pg_advisory_xact_lock($1)", lockSeed); err != nil {
			return err
		}
		for _, s := range schemas {
			if err := CreateSchemaIfMissing(ctx, tx, s.name, s.comment); err != nil {
				return err
			}
		}
		return nil
	})
}

// CreateSchemaIfMissing creates a schema unless it is there, and comments it unless it
// is another's. "create schema if not exists" would need the right to create
// schemas even where there is nothing to create.
func CreateSchemaIfMissing(ctx context.Context, tx pgx.Tx, name, comment string) error {
	const sql = `select n.oid is not null, coalesce(pg_has_role(n.nspowner, 'usage'), true)
		from (select to_regnamespace($1)::oid as oid) wanted left join pg_namespace n on n.oid = wanted.oid`
	var there, ours bool
	if err := tx.QueryRow(ctx, sql, name).Scan(&there, &ours); err != nil {
		return fmt.Errorf("look for schema %s: %w", name, err)
	}
	schema := pgx.Identifier{name}.Sanitize()
	if !there {
		if err := pgquery.Exec(ctx, tx, "create schema "+name, "create schema "+schema); err != nil {
			return err
		}
	}
	if !ours {
		return nil
	}
	literal := "'" + strings.ReplaceAll(comment, "'", "''") + "'" // a statement without parameters
	return pgquery.Exec(ctx, tx, "comment schema "+name, "comment on schema "+schema+" is "+literal)
}
