package config

import (
	"fmt"
	"slices"
	"strings"

	"logto-syncer/internal/changes"
)

const wantRead = "changes, or be left out"

// checkFollowedListings reports listings that a job is to follow and that change without
// a sign.
func checkFollowedListings(d *decoder, path string, j *Job, known []string) {
	if j.Read != ReadChanges {
		return
	}
	for i, name := range j.Listings.Names {
		at := fmt.Sprintf("%s[%d]", path, i)
		if _, ok := changes.FollowRuleFor(name); d.isValid(at) && !ok && slices.Contains(known, name) {
			d.report(at, "cannot be followed: nothing tells that "+name+" has changed", "leave it to a job without read: changes, which reads it whole")
		}
	}
}

// warnUnprovedTenants warns of tenants whose changes are followed and that no job
// proves: a run that reads changes begins where a proof ended.
func warnUnprovedTenants(d *decoder, c *Config) {
	for i, j := range c.Jobs {
		if j.Read != ReadChanges {
			continue
		}
		if unproved := slices.DeleteFunc(c.TenantNamesOf(j), c.proves); len(unproved) > 0 {
			d.warn(fmt.Sprintf("jobs[%d].read", i), "no job of this file proves "+strings.Join(unproved, ", ")+": changes are followed from the last proof on",
				"add a job without read: changes, for example one with schedule: @daily")
		}
	}
}

// proves reports whether a job reads everything of the tenant.
func (c *Config) proves(tenant string) bool {
	for _, j := range c.Jobs {
		if j.Read == ReadEverything && j.Tenants.Has(tenant) {
			return true
		}
	}
	return false
}

// ChangesJobs returns the jobs that read the changes of a tenant, in the
// file's order.
func (c *Config) ChangesJobs(tenant string) []Job {
	var jobs []Job
	for _, j := range c.Jobs {
		if j.Read == ReadChanges && j.Tenants.Has(tenant) {
			jobs = append(jobs, j)
		}
	}
	return jobs
}
