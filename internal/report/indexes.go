package report

import (
	"context"
	_ "embed" // the list of indexes
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed sql/indexes.sql
var indexes string

// trigramOps stands in the list for the operator class of pg_trgm, whose
// schema is the database owner's choice.
const trigramOps = "TRIGRAMS"

// IndexLock is the advisory lock of who makes indexes: while somebody holds it,
// EnsureIndexes makes none.
const IndexLock = 0x696e646578 // "index"

var indexForm = regexp.MustCompile(`(?m)^create index concurrently if not exists (\w+) on (\w+)\.(\w+) [^;]+`)

// An index of the list.
type index struct{ name, schema, table, statement string }

// EnsureIndexes makes the indexes that analysts' questions need and the
// database lacks, and returns their names. It is for after the first load: an
// index is cheaper made at once than row by row. Reading and writing go on
// meanwhile. What an earlier call left half made is made anew. If another
// process is at it, it returns at once with nothing made. Indexes of trigrams
// are left out where there is no extension pg_trgm.
func EnsureIndexes(ctx context.Context, pool *pgxpool.Pool) (made []string, err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("make the indexes: %w", err)
	}
	defer conn.Release()
	// Waiting for the lock would hold a snapshot, for which the one who makes
	// an index concurrently would wait in turn.
	var ours bool
	if err := conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", IndexLock).Scan(&ours); err != nil || !ours {
		return nil, wrapIndexes(err)
	}
	defer func() {
		_, unlockErr := conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", IndexLock)
		if err == nil {
			err = wrapIndexes(unlockErr)
		}
	}()
	ops, err := operatorClass(ctx, conn.Conn())
	if err != nil {
		return nil, wrapIndexes(err)
	}
	tables := map[string]bool{}
	for _, i := range list(ops) {
		created, err := i.ensure(ctx, conn.Conn())
		if err != nil {
			return made, fmt.Errorf("make index %s: %w", i.name, err)
		}
		if created {
			made, tables[i.schema+"."+i.table] = append(made, i.name), true
		}
	}
	for table := range tables { // an index of an expression has statistics of its own
		if _, err := conn.Exec(ctx, "analyze "+table); err != nil {
			return made, fmt.Errorf("analyze %s: %w", table, err)
		}
	}
	return made, nil
}

func wrapIndexes(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("make the indexes: %w", err)
}

// list returns the indexes; those of trigrams only if there is an operator
// class for them.
func list(ops string) []index {
	var all []index
	for _, found := range indexForm.FindAllStringSubmatch(indexes, -1) {
		statement := strings.ReplaceAll(found[0], trigramOps, ops)
		if ops != "" || !strings.Contains(found[0], trigramOps) {
			all = append(all, index{name: found[1], schema: found[2], table: found[3], statement: statement})
		}
	}
	return all
}

// operatorClass returns the name of pg_trgm's, empty if it is not there.
func operatorClass(ctx context.Context, conn *pgx.Conn) (string, error) {
	var ops string
	err := conn.QueryRow(ctx, `select coalesce(max(quote_ident(n.nspname) || '.gin_trgm_ops'), '')
		from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm'`).Scan(&ops)
	return ops, err
}

// ensure makes the index if it is not there, whole.
func (i index) ensure(ctx context.Context, conn *pgx.Conn) (created bool, err error) {
	var valid *bool
	err = conn.QueryRow(ctx, "select (select i.indisvalid from pg_index i where i.indexrelid = to_regclass($1))", i.schema+"."+i.name).Scan(&valid)
	if err != nil || valid != nil && *valid {
		return false, err
	}
	if valid != nil { // a creation was interrupted
		if _, err := conn.Exec(ctx, "drop index concurrently if exists "+i.schema+"."+i.name); err != nil {
			return false, err
		}
	}
	_, err = conn.Exec(ctx, i.statement)
	return err == nil, err
}
