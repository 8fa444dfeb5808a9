package mirror

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgconnect"
)

const (
	// lockCheckInterval is how often it is looked whether transactions of a run
	// wait for somebody else's lock.
	lockCheckInterval = 2 * time.Second
	// maxLockLogInterval bounds the growing time between two log lines about one wait.
	maxLockLogInterval = 10 * time.Minute
)

// openTransactions knows the sessions in which transactions of an attempt are open. It
// is safe for concurrent use.
type openTransactions struct {
	mu   sync.Mutex
	open map[uint32]bool // by process id of the session
}

// inTrackedTx is pgx.BeginFunc on the attempt's pool, and known to those who look for
// lock waits until it is committed.
func (a *attempt) inTrackedTx(ctx context.Context, f func(pgx.Tx) error) error {
	var pid uint32
	defer func() { a.openTransactions.set(pid, false) }()
	return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		pid = tx.Conn().PgConn().PID()
		a.openTransactions.set(pid, true)
		return f(tx)
	})
}

func (w *openTransactions) set(pid uint32, open bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = map[uint32]bool{}
	}
	if open {
		w.open[pid] = true
		return
	}
	delete(w.open, pid)
}

func (w *openTransactions) pids() (pids []uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for pid := range w.open {
		pids = append(pids, pid)
	}
	return pids
}

// reportLockWaits tells the log and syncer.runs for whose locks the attempt
// waits, until stop is called.
func (a *attempt) reportLockWaits(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		r := lockReporter{attempt: a}
		ticker := time.NewTicker(lockCheckInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				r.check(ctx, now)
			}
		}
	})
	return func() {
		cancel()
		wg.Wait()
	}
}

// A lockReporter reports one wait after another.
type lockReporter struct {
	*attempt
	since    time.Time // zero: the attempt waits for no lock
	nextLog  time.Time
	interval time.Duration
}

func (r *lockReporter) check(ctx context.Context, now time.Time) {
	var blockers []pgconnect.Blocker
	if pids := r.openTransactions.pids(); len(pids) > 0 {
		var err error
		if blockers, err = pgconnect.Blockers(ctx, r.pool, pids); err != nil {
			return // the transaction itself meets what is wrong with the database
		}
	}
	switch {
	case len(blockers) == 0 && !r.since.IsZero():
		r.since = time.Time{}
		r.saveWaitReason(ctx, "", time.Time{})
	case len(blockers) > 0:
		if r.since.IsZero() {
			r.since, r.nextLog, r.interval = now, now, 15*time.Second
		}
		text := pgconnect.DescribeBlockers(blockers)
		r.saveWaitReason(ctx, "waiting for a lock of "+text, r.since)
		if now.Before(r.nextLog) {
			return
		}
		r.nextLog, r.interval = now.Add(r.interval), min(2*r.interval, maxLockLogInterval)
		r.log.WarnContext(ctx, "waiting for a lock", "tenant", r.job.Tenant, "run", r.run.ID, "blocker", text, "since", r.since.UTC().Truncate(time.Second))
	}
}
