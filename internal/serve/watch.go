package serve

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"logto-syncer/internal/config"
	"logto-syncer/internal/state"
)

// watchEvery is how often somebody looks whether tables grow old.
const watchEvery = time.Minute

// watchArgs ask to look for what is stale.
type watchArgs struct{}

// Kind implements river.JobArgs.
func (watchArgs) Kind() string { return "watch" }

type watchWorker struct {
	river.WorkerDefaults[watchArgs]
	server *Server
}

// Work opens and closes the incidents of tables that are too old, and clears
// up.
func (w *watchWorker) Work(ctx context.Context, _ *river.Job[watchArgs]) error {
	s := w.server
	cfg := s.current.Load()
	ages, err := s.ages(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	err = pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		for _, j := range cfg.Jobs {
			if j.MaxAge == 0 {
				continue
			}
			for _, t := range cfg.TenantsOf(j) {
				reason := ages.tooOld(j, t.Name, now)
				if err := s.incident(ctx, tx, event{j.Name, t.Name, stale, reason}); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := s.Pool.Exec(ctx, query("clear"), cfg.History.Retention); err != nil {
		return fmt.Errorf("clear up old runs: %w", err)
	}
	return nil
}

// ages is how old the proofs are.
type ages struct {
	fresh     map[string][]state.Freshness // by tenant
	firstSeen map[[2]string]time.Time      // when a job was first known for a tenant
}

func (s *Server) ages(ctx context.Context) (ages, error) {
	fresh, err := state.Fresh(ctx, s.Pool)
	if err != nil {
		return ages{}, err
	}
	a := ages{map[string][]state.Freshness{}, map[[2]string]time.Time{}}
	for _, f := range fresh {
		a.fresh[f.Tenant] = append(a.fresh[f.Tenant], f)
	}
	rows, err := s.Pool.Query(ctx, "select job, tenant_id, first_seen_at from syncer.schedules")
	if err != nil {
		return ages{}, fmt.Errorf("read the schedules: %w", err)
	}
	var job, tenant string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&job, &tenant, &at}, func() error {
		a.firstSeen[[2]string{job, tenant}] = at
		return nil
	})
	if err != nil {
		return ages{}, fmt.Errorf("read the schedules: %w", err)
	}
	return a, nil
}

// tooOld says which listings of a job have no proof as young as it wants;
// empty: all have. A listing the server does not know is as old as the reading
// that found so, and what was never read as old as our knowledge of the job.
func (a ages) tooOld(j config.Job, tenant string, now time.Time) string {
	var old []string
	read := false
	for _, f := range a.fresh[tenant] {
		if !j.Listings.Has(f.Listing) {
			continue
		}
		read = true
		switch at := provedAt(f); {
		case at.IsZero() && a.since(j.Name, tenant, now) > j.MaxAge:
			old = append(old, f.Listing+" was never proved")
		case !at.IsZero() && now.Sub(at) > j.MaxAge:
			old = append(old, fmt.Sprintf("%s was last proved %s", f.Listing, at.UTC().Format("2006-01-02 15:04 MST")))
		}
	}
	if !read && a.since(j.Name, tenant, now) > j.MaxAge {
		return "nothing was ever read"
	}
	return strings.Join(old, ", ")
}

func (a ages) since(job, tenant string, now time.Time) time.Duration {
	at, ok := a.firstSeen[[2]string{job, tenant}]
	if !ok {
		return 0
	}
	return now.Sub(at)
}

// provedAt is when a listing was last as good as proved; zero: never.
func provedAt(f state.Freshness) time.Time {
	switch {
	case f.Proof == "unknown to server":
		return f.ReadAt
	case f.ProvedAt == nil:
		return time.Time{}
	}
	return *f.ProvedAt
}
