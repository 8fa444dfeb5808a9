package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/state"
)

// attempt is one attempt at a run.
type attempt struct {
	job    Job
	pool   *pgxpool.Pool
	client *logto.Client
	log    *slog.Logger
	run    state.Run
	stage  *load.Stage
	walker *extract.Walker
	sink   *sink

	openTransactions openTransactions

	began         time.Time // by this process
	clock         *serverClock
	changedTables []string             // to be analyzed once the run is published
	keptLimit     extract.IDBatchLimit // as the database has it
}

// begin starts or resumes a run and clears up after those it abandons.
func (r *Runner) begin(ctx context.Context, job Job) (*attempt, error) {
	mode := "run"
	if job.Afresh {
		mode = "backfill"
	}
	within := job.ResumeWithin
	if job.Changes {
		mode, within = state.Changes, 0 // it begins again from its positions
	}
	names := make([]string, len(job.Listings))
	for i, l := range job.Listings {
		names[i] = l.Name
	}
	loader, err := r.openLoader(ctx, job)
	if err != nil {
		return nil, err
	}
	spec := state.RunSpec{
		Tenant: job.Tenant, Job: job.Name, Mode: mode, Listings: names, Endpoint: job.Endpoint,
		PageSize: r.PageSize, Version: r.Version, Shape: loader.ShapeFingerprint(),
	}
	run, err := state.BeginOrResume(ctx, r.Pool, spec, within, clearRun)
	if err != nil {
		return nil, err
	}
	a := &attempt{began: time.Now(), job: job, pool: r.Pool, client: r.Client, log: r.Log, run: run, clock: &serverClock{API: r.Client}}
	if err := loader.RecordStorageShapes(ctx); err != nil {
		return nil, err
	}
	if err := a.openStage(ctx, loader); err != nil {
		return nil, err
	}
	if a.sink, err = newSink(ctx, a); err != nil {
		return nil, err
	}
	size, kept, err := openIDBatchSizer(ctx, r.Pool, job.Tenant)
	if err != nil {
		return nil, err
	}
	a.keptLimit = kept
	a.walker = &extract.Walker{
		API: a.clock, Probe: r.Client.WithoutUnknownPathRetries(), ReadBefore: a.wasReadBefore, Mirror: a.sink, Store: a.sink, Log: r.Log, Afresh: job.Afresh,
		PageSize: r.PageSize, IDBatchSizer: size, Stop: r.Stop, Progress: r.Progress,
	}
	return a, nil
}

// wasReadBefore reports whether an earlier run has read a listing of the tenant.
func (a *attempt) wasReadBefore(ctx context.Context, l *catalog.Listing) (bool, error) {
	return withRetry(ctx, a.log, func() (bool, error) { return state.WasReadBefore(ctx, a.pool, a.job.Tenant, l.Name) })
}

// openLoader returns a loader that stores what the job's privacy rules allow. It is
// for all listings, not just the job's: what is deleted takes with it what
// other listings' rows say of it.
func (r *Runner) openLoader(ctx context.Context, job Job) (*load.Loader, error) {
	loader, err := load.Open(ctx, r.Pool, job.Tenant, catalog.All())
	if err != nil {
		return nil, err
	}
	if errs := job.Privacy.Check(loader); len(errs) > 0 {
		return nil, fmt.Errorf("apply the privacy rules: %w", errors.Join(errs...))
	}
	return loader.WithPrivacy(job.Privacy), nil
}

// openStage opens the stage of the run, with what is in it by now.
func (a *attempt) openStage(ctx context.Context, loader *load.Loader) (err error) {
	if a.stage, err = loader.OpenStage(ctx, a.run.ID); err != nil {
		return err
	}
	a.stage.Fence = a.run.Fence
	return nil
}

// clearRun removes what a run has staged, and its checkpoints.
func clearRun(ctx context.Context, tx pgx.Tx, tenant string, run int64) error {
	if err := load.DropStage(ctx, tx, tenant, run); err != nil {
		return err
	}
	return state.ClearCheckpoints(ctx, tx, run)
}

// walk reads all listings, those with parents after their parents, and webhooks
// before all others. It returns
// the proofs by listing.
func (a *attempt) walk(ctx context.Context) (map[string]*extract.Proof, error) {
	cleanup, endCleanup := cleanupContext(ctx)
	defer endCleanup()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	proofs := map[string]*extract.Proof{}
	done := map[string]chan struct{}{}
	for _, l := range a.job.Listings {
		done[l.Name] = make(chan struct{})
	}
	var wg sync.WaitGroup
	errs := make([]error, len(a.job.Listings))
	for i, l := range a.job.Listings {
		wg.Go(func() {
			defer close(done[l.Name])
			// Webhooks are read first: all that changes after one was changed is read
			// later, or delivered.
			for _, earlier := range []string{"hooks", l.Parent} {
				if done[earlier] == nil || earlier == l.Name {
					continue
				}
				select {
				case <-done[earlier]:
				case <-ctx.Done():
				}
			}
			if ctx.Err() != nil {
				return
			}
			proof, err := a.walker.Walk(ctx, l)
			if errs[i] = err; err != nil && !errors.Is(err, extract.ErrStopped) {
				cancel()
			}
			mu.Lock()
			defer mu.Unlock()
			proofs[l.Name] = &proof
			if err == nil {
				a.logListingWalk(ctx, proof)
			}
		})
	}
	wg.Wait()
	a.keepIDBatchLimit(cleanup)
	if err := a.sink.flush(cleanup); err != nil {
		errs = append(errs, err)
	}
	if err := primaryError(errs); err != nil {
		return proofs, err
	}
	return proofs, context.Cause(ctx)
}

// downgradeChildren takes the proof from listings whose parents are not proved:
// there may be more of these, and one that is gone may have stayed.
func downgradeChildren(listings []*catalog.Listing, proofs map[string]*extract.Proof) {
	for _, l := range listings {
		if l.Parent != "" && proofs[l.Parent].Outcome != extract.Complete && proofs[l.Name].Outcome == extract.Complete {
			proofs[l.Name].Outcome = extract.NotProved
			proofs[l.Name].Reason = "there may be more parents: " + l.Parent + " is " + string(proofs[l.Parent].Outcome)
		}
	}
}

// primaryError returns the error that tells most: not one that follows from another.
func primaryError(errs []error) error {
	var last error
	for _, err := range errs {
		if err != nil && (last == nil || errors.Is(last, context.Canceled) || errors.Is(last, extract.ErrStopped)) {
			last = err
		}
	}
	return last
}

func (a *attempt) logListingWalk(ctx context.Context, p extract.Proof) {
	a.log.InfoContext(ctx, "listing read", "tenant", a.job.Tenant, "listing", p.Listing.Name, "walk", p.Walk,
		"distinct", p.Distinct, "requests", p.Requests, "proof", string(p.Outcome))
}

// maxReferenceRounds bounds how often references are followed: what is fetched may
// refer to something itself.
const maxReferenceRounds = 3

// fetchReferences fetches what staged rows point at and nobody has seen, such as a user
// made while the run was on. What is not there any more stays away, and the
// rows that point at it.
func (a *attempt) fetchReferences(ctx context.Context, proofs map[string]*extract.Proof) error {
	fetched := map[string]bool{}
	for range maxReferenceRounds {
		unresolved, err := withRetry(ctx, a.log, func() (map[string][]string, error) { return a.stage.UnresolvedReferences(ctx) })
		if err != nil {
			return err
		}
		found := false
		for table, ids := range unresolved {
			l := listingOfTable(table)
			var open []string
			for _, id := range ids {
				if key := table + "\x00" + id; !fetched[key] {
					fetched[key] = true
					open = append(open, id)
				}
			}
			if l == nil || len(open) == 0 || proofs[l.Name] == nil || proofs[l.Name].Outcome == extract.Unknown {
				continue
			}
			found = true
			if err := a.walker.FetchReferenced(ctx, proofs[l.Name], open); err != nil {
				return fmt.Errorf("fetch what other rows refer to in %s: %w", table, err)
			}
		}
		if err := a.sink.flush(ctx); err != nil {
			return err
		}
		if !found {
			return nil
		}
	}
	return nil
}

// listingOfTable returns the listing that fills a table.
func listingOfTable(table string) *catalog.Listing {
	for _, l := range catalog.All() {
		for _, t := range l.Tables() {
			if t.Name == table {
				return l
			}
		}
	}
	return nil
}
