package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/config"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// planCmd is syncer plan.
type planCmd struct {
	Jobs []string `arg:"" optional:"" name:"job" help:"Jobs of the configuration; all if none is named."`
}

// Run is called by kong.
func (c *planCmd) Run(ctx context.Context, a *app) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	jobs, err := jobsByName(cfg, c.Jobs)
	if err != nil {
		return err
	}
	db, err := openExistingDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	var pool *pgxpool.Pool // nil: nothing is mirrored yet
	if db != nil {
		defer func() { err = errors.Join(err, db.Close()) }()
		pending, err := state.NeedsMigration(ctx, db.Pool)
		if err != nil {
			return err
		}
		if !pending {
			pool = db.Pool
		}
	}
	var errs []error
	for _, t := range cfg.Tenants {
		if listings := tenantListings(withoutChangesJobs(jobs), t.Name); listings != nil {
			errs = append(errs, a.plan(ctx, pool, t, mirror.Job{Tenant: t.Name, Listings: listings}))
		}
		for _, j := range jobs {
			if j.Read == config.ReadChanges && j.Tenants.Has(t.Name) {
				errs = append(errs, a.plan(ctx, pool, t, mirror.Job{Tenant: t.Name, Name: j.Name, Listings: selectedListings(j.Listings), Changes: true}))
			}
		}
	}
	return errors.Join(errs...)
}

// withoutChangesJobs returns the jobs that read everything.
func withoutChangesJobs(jobs []config.Job) []config.Job {
	return slices.DeleteFunc(slices.Clone(jobs), func(j config.Job) bool { return j.Read == config.ReadChanges })
}

// openExistingDatabase opens the database, but makes no embedded one: then it is nil.
func openExistingDatabase(ctx context.Context, cfg *config.Config) (*database, error) {
	if cfg.Database == "" {
		if _, err := os.Stat(embeddedDir); errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
	}
	return openDatabase(ctx, cfg.Database, 1)
}

func (a *app) plan(ctx context.Context, pool *pgxpool.Pool, t config.Tenant, job mirror.Job) error {
	log := a.out.logger(a.stderr)
	client, err := newClient(t, log)
	if err != nil {
		return tenantError{t.Name, err}
	}
	defer client.Close()
	runner := &mirror.Runner{Pool: pool, Client: client, Log: log}
	plan, err := runner.Plan(ctx, job, logto.RateLimit(t.Limit))
	if errors.Is(err, mirror.ErrNoProof) {
		a.out.printJSON(mirror.Plan{Type: "plan", Tenant: t.Name, Job: job.Name, Listings: []mirror.Estimate{}, Note: "changes are followed from the first proof on"})
		a.out.printf("\n%s: %s follows changes from the first proof on\n", t.Name, job.Name)
		return nil
	}
	if err != nil {
		return tenantError{t.Name, err}
	}
	a.out.printJSON(plan)
	a.out.printf("%s", planText(plan, t.Limit))
	return nil
}

func planText(p mirror.Plan, limit config.Limit) string {
	seconds := func(s float64) string {
		if limit.None() {
			return "-"
		}
		return fmt.Sprintf("%.1f", s)
	}
	rows := table{{"listing", "rows", "walk", "requests", "seconds"}}
	for _, e := range p.Listings {
		total := "?"
		if e.Total != nil {
			total = thousands(*e.Total)
		}
		if e.Note != "" {
			total = e.Note
		}
		rows = append(rows, []string{e.Listing, total, string(e.Walk), lowerBoundSign(e.AtLeast) + thousands(e.Requests), seconds(e.Seconds)})
	}
	name := p.Tenant
	if p.Job != "" {
		name += ", job " + p.Job
	}
	text := fmt.Sprintf("\n%s\n%s%s: %s%s requests", name, rows, name, lowerBoundSign(p.AtLeast), thousands(p.Requests))
	if limit.None() {
		return text + ", no limit\n"
	}
	return text + fmt.Sprintf(", %s%s at %d in %s\n", lowerBoundSign(p.AtLeast),
		time.Duration(p.Seconds*float64(time.Second)).Round(time.Second), limit.Requests, limit.Per)
}

func lowerBoundSign(yes bool) string {
	if yes {
		return ">= "
	}
	return ""
}
