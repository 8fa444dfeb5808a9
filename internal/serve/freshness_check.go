package serve

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"logto-syncer/internal/changes"
	"logto-syncer/internal/config"
	"logto-syncer/internal/pgquery"
	"logto-syncer/internal/state"
)

// freshnessCheckInterval is the time between two freshness checks.
const freshnessCheckInterval = time.Minute

// freshnessCheckArgs are the arguments of a job that looks for stale listings.
type freshnessCheckArgs struct{}

// Kind implements river.JobArgs.
func (freshnessCheckArgs) Kind() string { return "freshness_check" }

// checkFreshnessAndPruneRuns opens and closes the incidents of stale listings, and deletes old
// runs.
func (s *Server) checkFreshnessAndPruneRuns(ctx context.Context, _ *river.Job[freshnessCheckArgs]) error {
	cfg := s.currentConfig.Load()
	ages, err := s.loadProofAges(ctx)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		return s.updateIncidents(ctx, tx, ages.check(cfg, time.Now()))
	})
	if err != nil {
		return err
	}
	return pgquery.Exec(ctx, s.Pool, "delete old runs", sqlFile("delete_old_runs"), cfg.History.Retention)
}

// proofAges tells how old the proofs of all listings are.
type proofAges struct {
	byTenant  map[string][]state.Freshness // by tenant
	firstSeen map[[2]string]time.Time      // by job and tenant: when serve first saw the two
}

func (s *Server) loadProofAges(ctx context.Context) (proofAges, error) {
	fresh, err := state.ListFreshness(ctx, s.Pool)
	if err != nil {
		return proofAges{}, err
	}
	a := proofAges{map[string][]state.Freshness{}, map[[2]string]time.Time{}}
	for _, f := range fresh {
		a.byTenant[f.Tenant] = append(a.byTenant[f.Tenant], f)
	}
	type schedule struct {
		Job, Tenant string
		FirstSeen   time.Time
	}
	schedules, err := pgquery.Rows(ctx, s.Pool, "read the schedules", pgx.RowToStructByPos[schedule], "select job, tenant_id, first_seen_at from syncer.schedules")
	for _, known := range schedules {
		a.firstSeen[[2]string{known.Job, known.Tenant}] = known.FirstSeen
	}
	return a, err
}

// check returns, of each job with a max_age and each of its tenants, whether it is
// stale.
func (a proofAges) check(cfg *config.Config, now time.Time) (results []incidentCheckResult) {
	for _, j := range cfg.Jobs {
		if j.MaxAge == 0 {
			continue
		}
		for _, tenant := range cfg.TenantNamesOf(j) {
			results = append(results, incidentCheckResult{j.Name, tenant, incidentStale, a.staleReason(j, tenant, now)})
		}
	}
	return results
}

// staleReason says which listings of a job have no proof younger than its
// max_age; empty: none. A listing that the server does not offer is as old as
// the run that found so, and one that was never read as old as our knowledge of
// the job.
func (a proofAges) staleReason(j config.Job, tenant string, now time.Time) string {
	if j.Read == config.ReadChanges {
		return a.followedLagReason(j, tenant, now)
	}
	var stale []string
	read := false
	for _, f := range a.byTenant[tenant] {
		if !j.Listings.Has(f.Listing) {
			continue
		}
		read = true
		switch at := listingProvedAt(f); {
		case at.IsZero() && a.sinceFirstSeen(j.Name, tenant, now) > j.MaxAge:
			stale = append(stale, f.Listing+" was never proved")
		case !at.IsZero() && now.Sub(at) > j.MaxAge:
			stale = append(stale, fmt.Sprintf("%s was last proved %s", f.Listing, at.UTC().Format("2006-01-02 15:04 MST")))
		}
	}
	if !read && a.sinceFirstSeen(j.Name, tenant, now) > j.MaxAge {
		return "no listing was ever read"
	}
	return strings.Join(stale, ", ")
}

// followedLagReason is staleReason for a job that reads changes: what counts is up
// to when a listing is followed. A listing that is not followed, or that is only
// read whole when its turn comes, does not count.
func (a proofAges) followedLagReason(j config.Job, tenant string, now time.Time) string {
	var stale []string
	any := false
	for _, f := range a.byTenant[tenant] {
		if !j.Listings.Has(f.Listing) || !isFollowedByFeed(f) {
			continue
		}
		any = true
		if now.Sub(*f.FollowedUntil) > j.MaxAge {
			stale = append(stale, strings.TrimSuffix(fmt.Sprintf("%s is followed up to %s: %s", f.Listing, formatTime(*f.FollowedUntil), f.FollowedGap), ": "))
		}
	}
	if !any && a.sinceFirstSeen(j.Name, tenant, now) > j.MaxAge {
		return "no listing is followed"
	}
	return strings.Join(stale, ", ")
}

// isFollowedByFeed reports whether a feed tells of each change of a listing.
func isFollowedByFeed(f state.Freshness) bool {
	return f.FollowedUntil != nil && (slices.Contains(f.FollowedBy, changes.HookEvents) || slices.Contains(f.FollowedBy, changes.AuditLog))
}

func (a proofAges) sinceFirstSeen(job, tenant string, now time.Time) time.Duration {
	at, ok := a.firstSeen[[2]string{job, tenant}]
	if !ok {
		return 0
	}
	return now.Sub(at)
}

// listingProvedAt is when a listing was last proved, or found to be unknown to the
// server; zero: never.
func listingProvedAt(f state.Freshness) time.Time {
	switch {
	case f.Proof == "unknown to server":
		return f.ReadAt
	case f.ProvedAt == nil:
		return time.Time{}
	}
	return *f.ProvedAt
}
