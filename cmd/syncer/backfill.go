package main

import (
	"context"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
)

// backfillCmd is syncer backfill.
type backfillCmd struct {
	Listings        []string `arg:"" optional:"" name:"listing" help:"Listings to read, with those they need; what the jobs read if none is named. There are: ${listings}."`
	Tenants         []string `name:"tenant" placeholder:"NAME" help:"Only these tenants; all if none is named."`
	AllowMassDelete bool     `help:"Publish even if more rows are deleted than max_delete allows."`
}

// Run is called by kong.
func (c *backfillCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	tenants, err := tenantsByName(cfg, c.Tenants)
	if err != nil {
		return err
	}
	var e concurrentTaskGroup
	for _, t := range tenants {
		listings, err := c.listings(cfg, t.Name)
		if err != nil {
			return err
		}
		task := taskOf(cfg, t, config.Job{}, listings, c.AllowMassDelete)
		task.job.Afresh = true
		e = append(e, task)
	}
	return a.runTaskGroupsInOrder(ctx, cfg, []concurrentTaskGroup{e})
}

func (c *backfillCmd) listings(cfg *config.Config, tenant string) ([]*catalog.Listing, error) {
	if len(c.Listings) > 0 {
		return listingsByNameWithNeeds(c.Listings)
	}
	return tenantListingsOrDefault(cfg, tenant), nil
}

// tenantsByName returns the tenants of those names, all without names.
func tenantsByName(cfg *config.Config, names []string) ([]config.Tenant, error) {
	if len(names) == 0 {
		return cfg.Tenants, nil
	}
	var tenants []config.Tenant
	for _, name := range names {
		t, ok := cfg.Tenant(name)
		if !ok {
			return nil, usageError{"no tenant " + name + " in the configuration", ""}
		}
		tenants = append(tenants, t)
	}
	return tenants, nil
}
