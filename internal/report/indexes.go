package report

import (
	"context"
	_ "embed" // the list of indexes
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed sql/create_indexes.sql
var indexes string

// trigramOps stands in the list for the operator class of pg_trgm, whose
// schema is the database owner's choice.
const trigramOps = "TRIGRAMS"

// IndexLock is the advisory lock of who makes indexes: while somebody holds it,
// EnsureIndexes creates none.
const IndexLock = 0x696e646578 // "index"

var indexForm = regexp.MustCompile(`(?m)^create index if not exists (\w+) on (\w+)\.(\w+) [^;]+`)

// An index of the list.
type index struct {
	name, schema, table, statement string
	invalid                        bool // what is left of a creation that was cut off is to be dropped first
}

// A SkippedIndex is one that could not be created now, since somebody holds a
// lock on its table.
type SkippedIndex struct {
	Name    string
	Blocker string // who holds the lock; empty where that was not seen
}

// EnsureIndexes creates the indexes that analysts' questions need and the
// database lacks. It returns the names of those it created, and those it
// skipped because somebody held a lock on their table for longer than 5 s:
// they are for the next call. It is for after the first load: an index is
// cheaper created at once than row by row. Two are created at a time, the slow
// ones first. Reading goes on meanwhile; who publishes waits for an index of
// the table to be there.
//
// An index is created in a transaction of its own and not concurrently: that
// would wait for every open transaction of the database, and leave an invalid
// index behind where it is cut off. If another process is at it,
// EnsureIndexes returns at once with nothing created. Indexes of trigrams are
// left out where there is no extension pg_trgm.
func EnsureIndexes(ctx context.Context, pool *pgxpool.Pool) (created []string, skipped []SkippedIndex, err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, nil, wrapCreateIndexesError(err)
	}
	defer conn.Release()
	var ours bool
	if err := conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", IndexLock).Scan(&ours); err != nil || !ours {
		return nil, nil, wrapCreateIndexesError(err)
	}
	defer func() {
		_, unlockErr := conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", IndexLock)
		if err == nil {
			err = wrapCreateIndexesError(unlockErr)
		}
	}()
	ops, err := trigramOperatorClass(ctx, conn.Conn())
	if err != nil {
		return nil, nil, wrapCreateIndexesError(err)
	}
	b := &indexBuild{pool: pool, indexes: parseIndexList(ops)}
	err = b.run(ctx, conn.Conn())
	return b.createdNames(), b.skipped(), err
}

// isLockTimeout reports whether a lock was not to be had in time.
func isLockTimeout(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "55P03" // lock_not_available
}

func wrapCreateIndexesError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("create the indexes: %w", err)
}

// parseIndexList returns the indexes; those of trigrams only if there is an operator
// class for them.
func parseIndexList(ops string) []index {
	var all []index
	for _, found := range indexForm.FindAllStringSubmatch(indexes, -1) {
		statement := strings.ReplaceAll(found[0], trigramOps, ops)
		if ops != "" || !strings.Contains(found[0], trigramOps) {
			all = append(all, index{name: found[1], schema: found[2], table: found[3], statement: statement})
		}
	}
	return all
}

// trigramOperatorClass returns the name of pg_trgm's, empty if it is not there.
func trigramOperatorClass(ctx context.Context, conn *pgx.Conn) (string, error) {
	var ops string
	err := conn.QueryRow(ctx, `select coalesce(max(quote_ident(n.nspname) || '.gin_trgm_ops'), '')
		from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm'`).Scan(&ops)
	return ops, err
}
