package main

import (
	"slices"
	"strings"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
)

// selectedListings returns what a job reads: what it names, and what that needs.
func selectedListings(s config.Selection) []*catalog.Listing {
	names := slices.Clone(s.Names)
	if s.All {
		for _, l := range catalog.Select(nil) {
			names = append(names, l.Name)
		}
	}
	return catalog.Select(names)
}

// listingsByNameWithNeeds returns the listings of those names and what they need.
func listingsByNameWithNeeds(names []string) ([]*catalog.Listing, error) {
	for _, name := range names {
		if catalog.Find(name) == nil {
			return nil, usageError{"no listing " + name, "there are: " + allListingNamesText()}
		}
	}
	return catalog.Select(names), nil
}

func allListingNamesText() string { return strings.Join(catalog.Names(), ", ") }

// tenantListings returns what the jobs read of a tenant, together.
func tenantListings(jobs []config.Job, tenant string) []*catalog.Listing {
	var all config.Selection
	for _, j := range jobs {
		if j.Tenants.Has(tenant) {
			all.All = all.All || j.Listings.All
			all.Names = append(all.Names, j.Listings.Names...)
		}
	}
	if !all.All && all.Names == nil {
		return nil
	}
	return selectedListings(all)
}

// tenantListingsOrDefault returns what the jobs read of a tenant, or what a job reads
// by default if none reads this tenant.
func tenantListingsOrDefault(cfg *config.Config, tenant string) []*catalog.Listing {
	if found := tenantListings(cfg.Jobs, tenant); found != nil {
		return found
	}
	return catalog.Select(nil)
}
