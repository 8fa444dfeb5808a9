package report

import (
	"context"
	_ "embed" // the list of indexes
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgconnect"
)

//go:embed sql/indexes.sql
var indexes string

// trigramOps stands in the list for the operator class of pg_trgm, whose
// schema is the database owner's choice.
const trigramOps = "TRIGRAMS"

// IndexLock is the advisory lock of who makes indexes: while somebody holds it,
// EnsureIndexes creates none.
const IndexLock = 0x696e646578 // "index"

var indexForm = regexp.MustCompile(`(?m)^create index if not exists (\w+) on (\w+)\.(\w+) [^;]+`)

// An index of the list.
type index struct{ name, schema, table, statement string }

// A SkippedIndex is one that could not be created now, since somebody holds a
// lock on its table.
type SkippedIndex struct {
	Name    string
	Blocker string // who holds the lock; empty where that was not seen
}

// lockWait is how long the creation of an index waits for a lock on its table.
const lockWait = 5 * time.Second

// EnsureIndexes creates the indexes that analysts' questions need and the
// database lacks. It returns the names of those it created, and those it
// skipped because somebody held a lock on their table for longer than 5 s:
// they are for the next call. It is for after the first load: an index is
// cheaper created at once than row by row. Reading goes on meanwhile; who
// publishes waits for one index to be there.
//
// An index is created in a transaction of its own and not concurrently: that
// would wait for every open transaction of the database, and leave an invalid
// index behind where it is cut off. If another process is at it,
// EnsureIndexes returns at once with nothing created. Indexes of trigrams are
// left out where there is no extension pg_trgm.
func EnsureIndexes(ctx context.Context, pool *pgxpool.Pool) (created []string, skipped []SkippedIndex, err error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, nil, wrapIndexes(err)
	}
	defer conn.Release()
	var ours bool
	if err := conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", IndexLock).Scan(&ours); err != nil || !ours {
		return nil, nil, wrapIndexes(err)
	}
	defer func() {
		_, unlockErr := conn.Exec(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", IndexLock)
		if err == nil {
			err = wrapIndexes(unlockErr)
		}
	}()
	ops, err := operatorClass(ctx, conn.Conn())
	if err != nil {
		return nil, nil, wrapIndexes(err)
	}
	analyze, blockedBy := map[string]bool{}, map[string]string{}
	for _, i := range list(ops) {
		if blocker, blocked := blockedBy[i.schema+"."+i.table]; blocked { // one wait a table
			skipped = append(skipped, SkippedIndex{i.name, blocker})
			continue
		}
		isNew, blocker, err := i.ensure(ctx, conn.Conn(), pool)
		switch {
		case isTimeout(err):
			blockedBy[i.schema+"."+i.table] = blocker
			skipped = append(skipped, SkippedIndex{i.name, blocker})
		case err != nil:
			return created, skipped, fmt.Errorf("create index %s: %w", i.name, err)
		case isNew:
			created = append(created, i.name)
			analyze[i.schema+"."+i.table] = true
		}
	}
	for table := range analyze { // an index of an expression has statistics of its own
		if _, err := conn.Exec(ctx, "analyze "+table); err != nil {
			return created, skipped, fmt.Errorf("analyze %s: %w", table, err)
		}
	}
	return created, skipped, nil
}

// isTimeout reports whether a lock was not to be had in time.
func isTimeout(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "55P03" // lock_not_available
}

func wrapIndexes(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("create the indexes: %w", err)
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

// ensure creates the index if it is not there, whole. When it has waited in
// vain for a lock, it returns who was seen to hold it, looking by connections
// of the pool.
func (i index) ensure(ctx context.Context, conn *pgx.Conn, pool *pgxpool.Pool) (created bool, blocker string, err error) {
	var valid *bool
	err = conn.QueryRow(ctx, "select (select i.indisvalid from pg_index i where i.indexrelid = to_regclass($1))", i.schema+"."+i.name).Scan(&valid)
	if err != nil || valid != nil && *valid {
		return false, "", err
	}
	watch, cancel := context.WithCancel(ctx)
	seen := make(chan string, 1)
	go func() { seen <- watchBlockers(watch, pool, conn.PgConn().PID()) }()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select set_config('lock_timeout', $1, true)", fmt.Sprint(lockWait.Milliseconds())); err != nil {
			return err
		}
		if valid != nil { // an earlier build was cut off while it created the index
			if _, err := tx.Exec(ctx, "drop index "+i.schema+"."+i.name); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, i.statement)
		return err
	})
	cancel()
	return err == nil, <-seen, err
}

// watchBlockers looks every second for whom a session waits, until ctx is done,
// and returns the last it saw.
func watchBlockers(ctx context.Context, pool *pgxpool.Pool, pid uint32) (last string) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return last
		case <-ticker.C:
		}
		blockers, err := pgconnect.Blockers(ctx, pool, []uint32{pid})
		if err == nil && len(blockers) > 0 {
			last = pgconnect.DescribeBlockers(blockers)
		}
	}
}
