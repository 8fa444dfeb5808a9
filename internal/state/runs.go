package state

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/pgquery"
)

// What a run can be; see the comments of syncer.runs.
const (
	Running   = "running"
	Stopped   = "stopped"
	Succeeded = "succeeded"
	Unproved  = "unproved"
	Refused   = "refused"
	Failed    = "failed"
	Abandoned = "abandoned"
)

// ErrRunTaken ends an attempt at a run that is no longer its own: while it had
// lost the tenant's lock, another process resumed, abandoned or published the
// run. It is an ErrLocked.
var ErrRunTaken = fmt.Errorf("this attempt lost its run to another process, or to a database that does not have it: %w", ErrLocked)

// RunSpec is what a run is to do, and what its checkpoints depend on. A run is
// resumed only for the same run spec; the job's name alone may differ.
type RunSpec struct {
	Tenant   string
	Job      string
	Mode     string // run or backfill
	Listings []string
	Endpoint string
	PageSize int    // rows of a page
	Version  string // of the program
	Shape    string // of the tables
}

// A Run is one reading of a tenant and its publication.
type Run struct {
	ID      int64
	Tenant  string
	Attempt int       // 1, and one more each time it is resumed
	Started time.Time // its first attempt
	owner   pgtype.UUID
}

// Resumed reports whether an earlier attempt has left something to go on from.
func (r Run) Resumed() bool { return r.Attempt > 1 }

// ClearFunc removes what a run of a tenant has left, within a transaction.
type ClearFunc func(ctx context.Context, tx pgx.Tx, tenant string, run int64) error

// BeginOrResume starts a run, or resumes the tenant's last one if it is unfinished,
// for the same run spec and not older than within. Other unfinished runs are
// abandoned; clear removes what one of them has left, in the same transaction,
// so that nothing of it stays if the process dies. The caller holds the tenant's
// lock. Begin waits for transactions that have passed Fence: it sees all that an
// earlier attempt has staged, and none stages after it.
func BeginOrResume(
	ctx context.Context, pool *pgxpool.Pool, e RunSpec, within time.Duration, clear ClearFunc,
) (run Run, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, embeddedStatement("upsert_tenant"), e.Tenant, e.Endpoint); err != nil {
			return err
		}
		run, err = startRunWith(ctx, tx, e.Tenant, "resume", e.Mode, e.Listings, within, e.Shape, e.Endpoint, e.PageSize, e.Version)
		if errors.Is(err, pgx.ErrNoRows) {
			run, err = startRunWith(ctx, tx, e.Tenant, "begin", e.Job, e.Mode, e.Listings, e.Shape, e.Endpoint, e.PageSize, e.Version)
		}
		if err != nil {
			return err
		}
		return abandonRunsExcept(ctx, tx, e.Tenant, run.ID, clear)
	})
	if err != nil {
		return Run{}, fmt.Errorf("begin a run of %s: %w", e.Tenant, err)
	}
	return run, nil
}

// AbandonRuns gives up the tenant's unfinished runs, within the caller's
// transaction; clear removes what one of them has left. The caller holds the
// tenant's lock.
func AbandonRuns(ctx context.Context, tx pgx.Tx, tenant string, clear ClearFunc) error {
	return abandonRunsExcept(ctx, tx, tenant, 0, clear)
}

// abandonRunsExcept gives up the unfinished runs of a tenant but for one.
func abandonRunsExcept(ctx context.Context, tx pgx.Tx, tenant string, but int64, clear ClearFunc) error {
	rows, _ := tx.Query(ctx, embeddedStatement("abandon"), tenant, but) // the error is that of rows, too
	abandoned, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	for _, id := range abandoned {
		if err := clear(ctx, tx, tenant, id); err != nil {
			return err
		}
	}
	return nil
}

// Fence is called first in every transaction in which an attempt stages
// anything. It returns ErrRunTaken if the run is not the attempt's any more;
// otherwise whoever takes the run over waits until the transaction has ended.
func (r Run) Fence(ctx context.Context, tx pgx.Tx) error {
	const sql = "select from syncer.runs where run_id = $1 and owner = $2 and status = 'running' for share"
	tag, err := tx.Exec(ctx, sql, r.ID, r.owner)
	if err != nil {
		return fmt.Errorf("look whether run %d is still this attempt's: %w", r.ID, err)
	}
	if tag.RowsAffected() == 0 {
		return ErrRunTaken
	}
	return nil
}

// startRunWith returns the run of a tenant that a statement begins or resumes.
func startRunWith(ctx context.Context, tx pgx.Tx, tenant, statement string, args ...any) (Run, error) {
	run := Run{Tenant: tenant}
	err := tx.QueryRow(ctx, embeddedStatement(statement), append([]any{tenant}, args...)...).
		Scan(&run.ID, &run.Attempt, &run.Started, &run.owner)
	return run, err
}

// LockForPublication locks the run within the transaction that publishes it and returns
// the moment of publication: now, but later than any other of the tenant even
// if the clock has jumped. It returns ErrRunTaken when another process has
// taken the run over.
func (r Run) LockForPublication(ctx context.Context, tx pgx.Tx) (at time.Time, err error) {
	err = tx.QueryRow(ctx, embeddedStatement("lock_for_publication"), r.ID, r.owner, r.Tenant).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return at, ErrRunTaken
	}
	if err != nil {
		return at, fmt.Errorf("claim run %d: %w", r.ID, err)
	}
	return at, nil
}

// EndpointMoved reports whether the tenant's last published run read another
// endpoint.
func (r Run) EndpointMoved(ctx context.Context, tx pgx.Tx, endpoint string) (moved bool, err error) {
	const sql = "select endpoint <> $2 from syncer.runs where tenant_id = $1 and published_at is not null order by run_id desc limit 1"
	err = tx.QueryRow(ctx, sql, r.Tenant, endpoint).Scan(&moved)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, fmt.Errorf("look for the endpoint of the last run: %w", err)
	}
	return moved, nil
}

// Published reports whether the run has been published: so it has if the answer
// to its commit was lost on the way. It waits for a commit that is under way.
func (r Run) Published(ctx context.Context, pool *pgxpool.Pool) (yes bool, err error) {
	err = pool.QueryRow(ctx, "select published_at is not null from syncer.runs where run_id = $1 and owner = $2 for share", r.ID, r.owner).Scan(&yes)
	if errors.Is(err, pgx.ErrNoRows) { // another attempt's
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether run %d is published: %w", r.ID, err)
	}
	return yes, nil
}

// SetWaiting notes what the attempt is waiting for and since when; an empty text:
// it is not waiting any more. It does not wait for the run's own transactions.
func (r Run) SetWaiting(ctx context.Context, pool *pgxpool.Pool, text string, since time.Time) (err error) {
	if text == "" {
		_, err = pool.Exec(ctx, "delete from syncer.run_waits where run_id = $1 and owner = $2", r.ID, r.owner)
	} else {
		_, err = pool.Exec(ctx, embeddedStatement("set_waiting"), r.Tenant, r.ID, r.owner, storableText(text), since)
	}
	if err != nil {
		return fmt.Errorf("note what run %d is waiting for: %w", r.ID, err)
	}
	return nil
}

// Effort is what an attempt of a run has cost.
type Effort struct {
	Requests, Retries, Throttled int64
	Seconds                      float64
}

// Finish ends the attempt of a run with a status, in a transaction of the
// caller or on its own. published is zero unless the run was published; cause
// is nil unless it failed. A run that is not the attempt's any more is left
// alone, and ours is false.
func (r Run) Finish(ctx context.Context, db pgquery.Execer, status string, published time.Time, cause error, e Effort) (ours bool, err error) {
	var at *time.Time
	if !published.IsZero() {
		at = &published
	}
	var reason *string
	if cause != nil {
		text := storableText(cause.Error())
		reason = &text
	}
	tag, err := db.Exec(ctx, embeddedStatement("finish"), r.ID, r.owner, status, at, reason, e.Requests, e.Retries, e.Throttled, e.Seconds)
	if err != nil {
		return false, fmt.Errorf("finish run %d: %w", r.ID, err)
	}
	return tag.RowsAffected() == 1, nil
}
