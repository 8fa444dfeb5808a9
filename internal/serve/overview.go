package serve

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/pgquery"
	"logto-syncer/internal/state"
)

// An overviewCache holds what the status page, the metrics and /readyz show of
// the database, for overviewMaxAge. Its zero value is ready, and it may be used
// concurrently.
type overviewCache struct {
	mu     sync.Mutex
	cached *overview
}

// overviewMaxAge is how old a cached overview may be.
const overviewMaxAge = 2 * time.Second

// An overview is the state of all tenants and processes at one moment.
type overview struct {
	At          time.Time
	Runs        []state.RunRecord // newest first
	ProofAges   proofAges
	Freshness   []state.Freshness
	Incidents   []openIncident
	Processes   []liveProcess
	QueueStates map[string]int // runs in the queue by state
}

type openIncident struct {
	Tenant, Job, Kind, Reason string
	Since                     time.Time
}

// liveProcess is a process of syncer serve that is alive.
type liveProcess struct {
	Name       string
	Started    time.Time
	Seen       time.Time
	ActiveRuns []runProgress
}

// logtoWaitSecondsByRun returns for how long each active run has been waiting for Logto,
// by tenant and job; 0: it is not waiting. A dead process may still list a run
// that was rescued from it.
func (o *overview) logtoWaitSecondsByRun() map[[2]string]float64 {
	seconds := map[[2]string]float64{}
	for _, p := range o.Processes {
		for _, run := range p.ActiveRuns {
			key := [2]string{run.Tenant, run.Job}
			if seconds[key] += 0; run.WaitingSince != nil {
				seconds[key] = max(seconds[key], time.Since(*run.WaitingSince).Seconds())
			}
		}
	}
	return seconds
}

func (c *overviewCache) invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cached = nil
}

// cachedOverview returns the cached overview, or reads a new one.
func (s *Server) cachedOverview(ctx context.Context) (*overview, error) {
	s.overviewCache.mu.Lock()
	defer s.overviewCache.mu.Unlock()
	if o := s.overviewCache.cached; o != nil && time.Since(o.At) < overviewMaxAge {
		return o, nil
	}
	o := &overview{At: time.Now(), QueueStates: map[string]int{}}
	for _, load := range []func(context.Context, *overview) error{s.loadRunsAndProofAges, s.loadIncidents, s.loadProcesses, s.loadQueuedRunCounts} {
		if err := load(ctx, o); err != nil {
			return nil, err
		}
	}
	s.overviewCache.cached = o
	return o, nil
}

// An overview has many runs of a few tenants, or a few runs of many tenants.
const (
	maxRunsPerTenant = 30
	maxRunsTotal     = 300
)

func (s *Server) loadRunsAndProofAges(ctx context.Context, o *overview) (err error) {
	perTenant := max(2, min(maxRunsPerTenant, maxRunsTotal/len(s.currentConfig.Load().Tenants)))
	if o.Runs, err = state.RecentRuns(ctx, s.Pool, perTenant); err != nil {
		return err
	}
	if o.ProofAges, err = s.loadProofAges(ctx); err != nil {
		return err
	}
	for _, listings := range o.ProofAges.byTenant {
		o.Freshness = append(o.Freshness, listings...)
	}
	return nil
}

func (s *Server) loadIncidents(ctx context.Context, o *overview) (err error) {
	o.Incidents, err = pgquery.Rows(ctx, s.Pool, "read the incidents", pgx.RowToStructByPos[openIncident],
		"select tenant_id, job, kind, reason, opened_at from syncer.incidents where closed_at is null order by opened_at")
	return err
}

func (s *Server) loadProcesses(ctx context.Context, o *overview) (err error) {
	const sql = `select name, started_at, heartbeat_at, active_runs from syncer.servers
		where heartbeat_at > clock_timestamp() - $1::interval order by name`
	o.Processes, err = pgquery.Rows(ctx, s.Pool, "read the processes", pgx.RowToStructByPos[liveProcess], sql, s.currentConfig.Load().Serve.RescueAfter)
	return err
}

func (s *Server) loadQueuedRunCounts(ctx context.Context, o *overview) error {
	type stateCount struct {
		State string
		Runs  int
	}
	counts, err := pgquery.Rows(ctx, s.Pool, "read the queue", pgx.RowToStructByPos[stateCount], "select state::text, count(*) from "+queueSchema+`.river_job
		where kind = 'run' and state in ('available', 'pending', 'running', 'retryable', 'scheduled') group by state`)
	for _, c := range counts {
		o.QueueStates[c.State] = c.Runs
	}
	return err
}
