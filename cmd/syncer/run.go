package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sourcegraph/conc/pool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/report"
	"logto-syncer/internal/state"
)

// maxTenants is how many tenants are read at once; each has a limiter of its
// own.
const maxTenants = 3

// runCmd is syncer run.
type runCmd struct {
	Jobs            []string `arg:"" optional:"" name:"job" help:"Jobs of the configuration, one after another; all if none is named."`
	AllowMassDelete bool     `help:"Publish even if more rows are deleted than max_delete allows."`
}

// Run is called by kong.
func (c *runCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	jobs, err := jobsByName(cfg, c.Jobs)
	if err != nil {
		return err
	}
	var errands []concurrentTaskGroup
	for _, j := range jobs {
		listings := selectedListings(j.Listings)
		e := concurrentTaskGroup{}
		for _, t := range cfg.TenantsOf(j) {
			e = append(e, taskOf(cfg, t, j, listings, c.AllowMassDelete))
		}
		errands = append(errands, e)
	}
	return a.runTaskGroupsInOrder(ctx, cfg, errands)
}

// A tenantTask is one job for one tenant.
type tenantTask struct {
	tenant config.Tenant
	job    mirror.Job
}

// An concurrentTaskGroup are tasks of different tenants, which may run at once.
type concurrentTaskGroup []tenantTask

func taskOf(cfg *config.Config, t config.Tenant, j config.Job, listings []*catalog.Listing, anything bool) tenantTask {
	job := mirror.Job{
		Tenant: t.Name, Name: j.Name, Endpoint: t.Endpoint, Listings: listings, Changes: j.Read == config.ReadChanges,
		ResumeWithin: cfg.ResumeWithin, NoHistory: tablesWithoutHistory(cfg.History), Retention: cfg.History.Retention,
		Privacy: privacyOf(cfg.Privacy),
	}
	if !anything {
		job.Guard = func(leaving, rows int64) bool { return !t.MaxDelete.Exceeded(leaving, rows) }
	}
	return tenantTask{t, job}
}

// tablesWithoutHistory returns the tables that keep none.
func tablesWithoutHistory(h config.History) map[string]bool {
	none := map[string]bool{}
	for _, name := range h.Except {
		none[name] = true
	}
	for _, l := range catalog.All() {
		for _, t := range l.Tables() {
			none[t.Name] = none[t.Name] || !h.Enabled
		}
	}
	return none
}

// runTaskGroupsInOrder opens and migrates the database and runs the errands one after
// another. The error joins those of the tasks.
func (a *app) runTaskGroupsInOrder(ctx context.Context, cfg *config.Config, errands []concurrentTaskGroup) (err error) {
	db, err := openDatabase(ctx, cfg.Database, len(cfg.Tenants))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.migrate(ctx, a.out.logger(a.stderr)); err != nil {
		return err
	}
	if err := checkRules(ctx, db, cfg); err != nil {
		return err
	}
	var errs []error
	for _, e := range errands {
		errs = append(errs, a.runTasks(ctx, db, e))
		if exitCode(errors.Join(errs...)) == exitInterrupted {
			break
		}
	}
	return errors.Join(errs...)
}

// runTasks runs the tasks, some at once, each to its end.
func (a *app) runTasks(ctx context.Context, db *database, tasks []tenantTask) error {
	a.graceful.Store(true)
	defer a.graceful.Store(false)
	show := newProgress(a.out, len(tasks) > 1)
	defer show.close()
	p := pool.New().WithErrors().WithMaxGoroutines(maxTenants)
	summaries := make([]mirror.Summary, len(tasks))
	for i, t := range tasks {
		p.Go(func() (err error) {
			summaries[i], err = a.runTask(ctx, db, t, show)
			return err
		})
	}
	err := p.Wait()
	show.close()
	published := false
	for _, s := range summaries {
		a.summarize(s)
		published = published || s.PublishedAt != nil
	}
	if published {
		a.graceful.Store(false) // what is published is: from here on, Ctrl-C loses no more than time
		err = errors.Join(err, a.createAnalystIndexes(ctx, db))
	}
	return err
}

// createAnalystIndexes makes the indexes for analysts that are missing: after the first run
// that is published, all of them. They are made outside of its transaction,
// since readers need not wait for them, and since an index is cheaper made at
// once than kept while a table is loaded.
func (a *app) createAnalystIndexes(ctx context.Context, db *database) error {
	select {
	case <-a.stop: // the next run makes them
		return nil
	default:
	}
	created, skipped, err := report.EnsureIndexes(ctx, db.Pool)
	log := a.out.logger(a.stderr)
	if len(created) > 0 {
		log.InfoContext(ctx, "indexes created", "indexes", created)
		a.out.printf("\nindexes for reports and searches created: %s\n", thousands(len(created)))
	}
	for _, i := range skipped {
		log.WarnContext(ctx, "index not created, its table is locked; the next run tries again", "index", i.Name, "blocker", i.Blocker)
	}
	if err != nil && ctx.Err() == nil { // all is published: the next run creates what is missing
		log.WarnContext(ctx, "cannot create the indexes for analysts; the next run tries again", "error", err)
		return nil
	}
	return err
}

// runTask runs one job on one tenant.
func (a *app) runTask(ctx context.Context, db *database, t tenantTask, show *progress) (mirror.Summary, error) {
	log := show.logger(t.tenant.Name)
	client, err := newClient(t.tenant, log)
	if err != nil {
		return mirror.Summary{}, tenantError{t.tenant.Name, err}
	}
	defer client.Close()
	client.OnRetryWaiting(show.waitingFunc(t.tenant.Name))
	runner := &mirror.Runner{Pool: db.Pool, Client: client, Log: log, Version: programVersion(), Stop: a.stop, Progress: show.barUpdateFunc(t.tenant.Name)}
	summary, err := runner.Run(ctx, t.job)
	switch {
	case err != nil && errors.Is(context.Cause(ctx), errInterrupted):
		err = errInterrupted
	case errors.Is(err, mirror.ErrNoProof):
		err = usageError{err.Error(), noProofHint}
	case err == nil && summary.Status == state.Yielded:
	case err == nil && !summary.Proved():
		err = unprovedError{"not everything could be proved", "syncer status has the reasons; nothing was deleted where the proof is missing"}
	}
	if err != nil {
		err = tenantError{t.tenant.Name, err}
	}
	return summary, err
}

func newClient(t config.Tenant, log *slog.Logger) (*logto.Client, error) {
	return logto.New(clientConfig(t, log))
}

func clientConfig(t config.Tenant, log *slog.Logger) logto.Config {
	return logto.Config{
		Endpoint: t.Endpoint, Resource: t.Resource, AppID: t.AppID, AppSecret: t.AppSecret.Reveal(),
		Limit: logto.RateLimit(t.Limit), Concurrency: t.Concurrency, Log: log,
	}
}
