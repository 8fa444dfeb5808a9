package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
	"logto-syncer/internal/state"
)

// publish merges what was read into the mirror and writes the certificates,
// in one transaction. The summary tells of it only once it is committed.
func (a *attempt) publish(ctx context.Context, proofs map[string]*extract.Proof, s *Summary, began time.Time) error {
	cleanup, cancel := cleanupContext(ctx)
	defer cancel()
	done := *s
	_, err := withRetry(ctx, a.log, func() (struct{}, error) {
		return struct{}{}, a.inTrackedTx(ctx, func(tx pgx.Tx) error { return a.publishInTx(ctx, tx, proofs, &done, began) })
	})
	if err != nil {
		published, lookErr := a.wasPublished(cleanup)
		if !published {
			return fmt.Errorf("publish run %d: %w", a.run.ID, errors.Join(err, lookErr))
		}
	}
	*s = done
	return nil
}

// wasPublished reports whether the run was published after all, and the answer to
// the commit was lost, or not waited for.
func (a *attempt) wasPublished(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return a.run.Published(ctx, a.pool)
}

func (a *attempt) publishInTx(ctx context.Context, tx pgx.Tx, proofs map[string]*extract.Proof, s *Summary, began time.Time) error {
	how, err := a.preparePublishInTx(ctx, tx, proofs)
	if err != nil {
		return err
	}
	at := how.At
	if a.job.Guard != nil {
		how.Guard = a.guard
		if err := a.checkSameTenant(ctx, tx, proofs); err != nil {
			return err
		}
	}
	changes, err := a.stage.Publish(ctx, tx, a.job.Listings, how)
	if err != nil {
		return err
	}
	if a.job.Retention > 0 {
		if err := a.stage.PruneHistory(ctx, tx, at.Add(-a.job.Retention)); err != nil {
			return err
		}
	}
	if a.changedTables, err = a.stage.TablesToAnalyze(ctx, tx, a.sink.listingsEmptyInMirror()); err != nil {
		return err
	}
	certificates, status := a.buildCertificates(proofs, changes)
	if err := a.recordProofs(ctx, tx, at, proofs, certificates); err != nil {
		return err
	}
	if err := a.followProved(ctx, tx, certificates); err != nil {
		return err
	}
	if _, err := a.run.Finish(ctx, tx, status, at, nil, effortFrom(a.client.Stats(), time.Since(began))); err != nil {
		return err
	}
	if err := clearRun(ctx, tx, a.run.Tenant, a.run.ID); err != nil {
		return err
	}
	s.Status, s.Resumable, s.Listings, s.PublishedAt = status, false, certificates, &at
	return nil
}

// preparePublishInTx claims the run, makes sure of what it has staged, and notes the
// privacy rules it is published under. It returns how it is to be published.
func (a *attempt) preparePublishInTx(ctx context.Context, tx pgx.Tx, proofs map[string]*extract.Proof) (how load.PublishOptions, err error) {
	how = load.PublishOptions{Proved: map[string]bool{}, NoRecord: a.job.NoHistory}
	for name, p := range proofs {
		how.Proved[name] = p.Outcome == extract.Complete
	}
	if how.At, err = a.run.LockForPublication(ctx, tx); err != nil {
		return how, err
	}
	// What is published is what is there, not what this attempt remembers.
	if err := a.stage.ReloadTableNames(ctx, tx); err != nil {
		return how, err
	}
	if err := a.sink.checkNoRowsLost(ctx, tx); err != nil {
		return how, err
	}
	if how.StoredRules, err = a.run.TenantPrivacyRules(ctx, tx); err != nil || !a.stage.RulesDiffer(how.StoredRules) {
		return how, err
	}
	return how, a.run.SetTenantPrivacyRules(ctx, tx, a.stage.RuleTexts())
}

// recordProofs keeps what the run proved, and how far tables and windows are known.
func (a *attempt) recordProofs(ctx context.Context, tx pgx.Tx, at time.Time, proofs map[string]*extract.Proof, certificates []state.Certificate) error {
	if err := a.run.Certify(ctx, tx, certificates); err != nil {
		return err
	}
	if err := a.recordProvedUntil(ctx, tx, proofs); err != nil {
		return err
	}
	return a.recordPublishedTables(ctx, tx, certificates, at)
}

// analyze tells indexes and planner of what was published. The run is as good
// without.
func (a *attempt) analyze(ctx context.Context) {
	if err := load.CleanPendingLists(ctx, a.pool); err != nil && ctx.Err() == nil {
		a.log.WarnContext(ctx, "cannot complete the indexes; searches may be slow until autovacuum has", "tenant", a.job.Tenant, "error", err)
	}
	if err := load.Analyze(ctx, a.pool, a.changedTables); err != nil && ctx.Err() == nil {
		a.log.WarnContext(ctx, "cannot analyze the tables; questions about what is new may be slow until autovacuum has", "tenant", a.job.Tenant, "error", err)
	}
}

// recordProvedUntil records up to when append-only listings are proved.
func (a *attempt) recordProvedUntil(ctx context.Context, tx pgx.Tx, proofs map[string]*extract.Proof) error {
	for name, p := range proofs {
		if p.Outcome != extract.Complete || p.ProvedUntil.IsZero() {
			continue
		}
		if err := a.run.SetWindowProvedUntil(ctx, tx, name, p.ProvedUntil); err != nil {
			return err
		}
	}
	return nil
}

// guard refuses to publish when the job's guard objects to any table.
func (a *attempt) guard(leaving []load.TableDeletions) error {
	var over []load.TableDeletions
	for _, l := range leaving {
		if !a.job.Guard(l.Deleted, l.Rows) {
			over = append(over, l)
		}
	}
	if over == nil {
		return nil
	}
	return &GuardError{Tables: over}
}

// buildCertificates turns proofs and changes into certificates, and says what the run
// is as a whole.
func (a *attempt) buildCertificates(proofs map[string]*extract.Proof, changes map[string]*load.ChangeCounts) ([]state.Certificate, string) {
	downgradeIncompleteItems(proofs, changes)
	downgradeChildren(a.job.Listings, proofs)
	status := state.Succeeded
	var out []state.Certificate
	for _, l := range a.job.Listings {
		p, change := proofs[l.Name], changes[l.Name]
		// What was read, and was not there any more when its range was read again,
		// is in the table, too.
		distinct := max(p.Distinct, int(change.Inserted+change.Updated))
		c := state.Certificate{
			Listing: l.Name, Walk: string(p.Walk), Parents: p.Parents, Distinct: distinct, Requests: p.Requests,
			Inserted: change.Inserted, Updated: change.Updated, Deleted: change.Deleted,
			Unchanged: max(0, int64(distinct)-change.Inserted-change.Updated-change.WithheldItems),
			Proof:     string(p.Outcome), Reason: p.Reason, Notes: map[string]int{}, ReadAt: p.ReadAt,
		}
		if p.Total >= 0 {
			c.Total = &p.Total
		}
		maps.Copy(c.Notes, p.Notes)
		for what, n := range a.sink.notes[l.Name] {
			c.Notes[what] += n
		}
		if change.Withheld > 0 {
			c.Notes["rows withheld, since what they point at is not there"] = int(change.Withheld)
		}
		for _, need := range l.Needs {
			if q := proofs[need]; change.Withheld > 0 && q != nil && q.Outcome != extract.Complete && c.Proof == string(extract.Complete) {
				c.Proof = string(extract.NotProved)
				c.Reason = "rows are withheld that point at " + need + ", which is " + string(q.Outcome)
			}
		}
		if c.Proof != string(extract.Complete) && c.Proof != string(extract.Unknown) {
			status = state.Unproved
		}
		out = append(out, c)
	}
	return out, status
}
