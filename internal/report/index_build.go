package report

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	concpool "github.com/sourcegraph/conc/pool"

	"logto-syncer/internal/pgconnect"
)

const (
	// lockWait is how long the creation of an index waits for a lock on its table.
	lockWait = 5 * time.Second
	// concurrentIndexes is how many indexes are created at a time. A server with
	// more than two cores has parallel workers for each of them.
	concurrentIndexes = 2
)

// indexBuild creates the indexes that are missing.
type indexBuild struct {
	pool    *pgxpool.Pool
	indexes []index

	mu        sync.Mutex
	outcomes  map[string]indexOutcome // by index; none of those that were there
	blockedBy map[string]string       // tables whose lock was not to be had, and who holds it
}

// An indexOutcome is what became of a missing index.
type indexOutcome struct {
	skipped bool
	blocker string
}

// run creates the indexes by a connection and another one of the pool.
func (b *indexBuild) run(ctx context.Context, conn *pgx.Conn) error {
	b.outcomes, b.blockedBy = map[string]indexOutcome{}, map[string]string{}
	missing, broken, err := b.missingOrInvalid(ctx, conn)
	if err != nil || len(missing)+len(broken) == 0 {
		return wrapCreateIndexesError(err)
	}
	// One by one: to drop what is left of an index would wait for the creation of
	// another, and keep readers waiting.
	for _, i := range broken {
		if err := b.createOrSkip(ctx, conn, i); err != nil {
			return err
		}
	}
	queue := make(chan index, len(missing))
	for _, i := range missing {
		queue <- i
	}
	close(queue)
	g := concpool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	g.Go(func(ctx context.Context) error { return b.createQueued(ctx, conn, queue) })
	for range min(concurrentIndexes, len(missing)) - 1 {
		g.Go(func(ctx context.Context) error {
			return b.pool.AcquireFunc(ctx, func(other *pgxpool.Conn) error { return b.createQueued(ctx, other.Conn(), queue) })
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, table := range b.tablesWithNewIndexes() { // an index of an expression has statistics of its own
		if _, err := conn.Exec(ctx, "analyze "+table); err != nil {
			return fmt.Errorf("analyze %s: %w", table, err)
		}
	}
	return nil
}

// missingOrInvalid returns the indexes that are not there, those that take longest first,
// and those whose creation by somebody was cut off.
func (b *indexBuild) missingOrInvalid(ctx context.Context, conn *pgx.Conn) (missing, broken []index, err error) {
	const sql = `select n.nspname || '.' || c.relname, i.indisvalid
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('logto', 'logto_history')`
	rows, _ := conn.Query(ctx, sql) // the error is that of rows, too
	valid := map[string]bool{}
	var name string
	var whole bool
	if _, err := pgx.ForEachRow(rows, []any{&name, &whole}, func() error { valid[name] = whole; return nil }); err != nil {
		return nil, nil, err
	}
	for _, i := range b.indexes {
		name := i.schema + "." + i.name
		switch whole, there := valid[name]; {
		case !there:
			missing = append(missing, i)
		case !whole:
			i.invalid = true
			broken = append(broken, i)
		}
	}
	slices.SortStableFunc(missing, func(a, b index) int { return b.creationCost() - a.creationCost() })
	return missing, broken, nil
}

// creationCost is greater for indexes that take longer to create.
func (i index) creationCost() int {
	if strings.Contains(i.statement, " using gin ") {
		return 1
	}
	return 0
}

// createQueued creates the indexes of the queue.
func (b *indexBuild) createQueued(ctx context.Context, conn *pgx.Conn, queue <-chan index) error {
	for i := range queue {
		if err := b.createOrSkip(ctx, conn, i); err != nil {
			return err
		}
	}
	return nil
}

// createOrSkip creates an index, or skips it if its table is locked: nobody waits twice
// for a table.
func (b *indexBuild) createOrSkip(ctx context.Context, conn *pgx.Conn, i index) error {
	b.mu.Lock()
	blocker, blocked := b.blockedBy[i.fullTable()]
	b.mu.Unlock()
	var err error
	if !blocked {
		blocker, err = i.createWithLockTimeout(ctx, conn, b.pool)
		blocked = isLockTimeout(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case blocked:
		b.blockedBy[i.fullTable()] = blocker
		b.outcomes[i.name] = indexOutcome{true, blocker}
	case err != nil:
		return fmt.Errorf("create index %s: %w", i.name, err)
	default:
		b.outcomes[i.name] = indexOutcome{}
	}
	return nil
}

// createdNames returns the names of the indexes that were created.
func (b *indexBuild) createdNames() (names []string) {
	for _, i := range b.indexes {
		if o, ok := b.outcomes[i.name]; ok && !o.skipped {
			names = append(names, i.name)
		}
	}
	return names
}

// skipped returns the indexes whose tables were locked.
func (b *indexBuild) skipped() (skipped []SkippedIndex) {
	for _, i := range b.indexes {
		if o := b.outcomes[i.name]; o.skipped {
			skipped = append(skipped, SkippedIndex{i.name, o.blocker})
		}
	}
	return skipped
}

// tablesWithNewIndexes returns the tables that have a new index.
func (b *indexBuild) tablesWithNewIndexes() []string {
	tables := map[string]bool{}
	for _, i := range b.indexes {
		if o, ok := b.outcomes[i.name]; ok && !o.skipped {
			tables[i.fullTable()] = true
		}
	}
	return slices.Sorted(maps.Keys(tables))
}

func (i index) fullTable() string { return i.schema + "." + i.table }

// createWithLockTimeout creates the index. When it has waited in vain for a lock, it returns who
// was seen to hold it, looking by connections of the pool.
func (i index) createWithLockTimeout(ctx context.Context, conn *pgx.Conn, pool *pgxpool.Pool) (blocker string, err error) {
	watch, cancel := context.WithCancel(ctx)
	seen := make(chan string, 1)
	go func() { seen <- pollLastBlocker(watch, pool, conn.PgConn().PID()) }()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select set_config('lock_timeout', $1, true)", fmt.Sprint(lockWait.Milliseconds())); err != nil {
			return err
		}
		if i.invalid { // a statement of its own: Citus does not take two at once
			if _, err := tx.Exec(ctx, "drop index "+i.schema+"."+i.name); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, i.statement)
		return err
	})
	cancel()
	return <-seen, err
}

// pollLastBlocker looks every second for whom a session waits, until ctx is done,
// and returns the last it saw.
func pollLastBlocker(ctx context.Context, pool *pgxpool.Pool, pid uint32) (last string) {
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
