package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/state"
)

// A overviewCache is what the page, the metrics and /readyz show of the database. It
// is looked up once for all who ask within a few seconds. Its zero value is
// ready, and it may be used concurrently.
type overviewCache struct {
	mu     sync.Mutex
	cached *overview
}

// overviewMaxAge is how old what is shown may be.
const overviewMaxAge = 2 * time.Second

// A overview is the state of everything at a moment.
type overview struct {
	At          time.Time
	Runs        []state.RunRecord // the newest first
	ProofAges   proofAges
	Freshness   []state.Freshness
	Incidents   []openIncident // those that are on
	Processes   []processInfo
	QueueStates map[string]int // jobs for tenants by state
}

type openIncident struct {
	Tenant, Job, Kind, Reason string
	Since                     time.Time
}

type processInfo struct {
	Name       string
	Started    time.Time
	Seen       time.Time
	ActiveRuns []runProgress
}

func (g *overviewCache) invalidate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cached = nil
}

// loadOverview returns the state of everything.
func (s *Server) loadOverview(ctx context.Context) (*overview, error) {
	s.overviewCache.mu.Lock()
	defer s.overviewCache.mu.Unlock()
	if v := s.overviewCache.cached; v != nil && time.Since(v.At) < overviewMaxAge {
		return v, nil
	}
	v := &overview{At: time.Now(), QueueStates: map[string]int{}}
	for _, part := range []func(context.Context, *overview) error{s.loadRuns, s.loadIncidents, s.loadProcesses, s.loadQueueStates} {
		if err := part(ctx, v); err != nil {
			return nil, err
		}
	}
	s.overviewCache.cached = v
	return v, nil
}

// Of a few tenants many runs are looked at, of many a few.
const (
	maxRunsPerTenant = 30
	maxRunsTotal     = 300
)

func (s *Server) loadRuns(ctx context.Context, v *overview) (err error) {
	each := max(2, min(maxRunsPerTenant, maxRunsTotal/len(s.currentConfig.Load().Tenants)))
	if v.Runs, err = state.LastRuns(ctx, s.Pool, each); err != nil {
		return err
	}
	if v.ProofAges, err = s.loadProofAges(ctx); err != nil {
		return err
	}
	for _, fresh := range v.ProofAges.byTenant {
		v.Freshness = append(v.Freshness, fresh...)
	}
	return nil
}

func (s *Server) loadIncidents(ctx context.Context, v *overview) error {
	rows, err := s.Pool.Query(ctx, "select tenant_id, job, kind, reason, opened_at from syncer.incidents where closed_at is null order by opened_at")
	if err == nil {
		v.Incidents, err = pgx.CollectRows(rows, pgx.RowToStructByPos[openIncident])
	}
	if err != nil {
		return fmt.Errorf("read the incidents: %w", err)
	}
	return nil
}

func (s *Server) loadProcesses(ctx context.Context, v *overview) error {
	silence := s.currentConfig.Load().Serve.TakeOver
	rows, err := s.Pool.Query(ctx, `select name, started_at, heartbeat_at, active_runs from syncer.servers
		where heartbeat_at > clock_timestamp() - $1::interval order by name`, silence)
	if err != nil {
		return fmt.Errorf("read the servers: %w", err)
	}
	v.Processes, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (one processInfo, err error) {
		var doing []byte
		if err = row.Scan(&one.Name, &one.Started, &one.Seen, &doing); err == nil {
			err = json.Unmarshal(doing, &one.ActiveRuns)
		}
		return one, err
	})
	if err != nil {
		return fmt.Errorf("read the servers: %w", err)
	}
	return nil
}

func (s *Server) loadQueueStates(ctx context.Context, v *overview) error {
	rows, err := s.Pool.Query(ctx, "select state::text, count(*) from "+queueSchema+`.river_job
		where kind = 'tenant' and state in ('available', 'pending', 'running', 'retryable', 'scheduled') group by state`)
	if err != nil {
		return fmt.Errorf("read the queue: %w", err)
	}
	var name string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { v.QueueStates[name] = n; return nil }); err != nil {
		return fmt.Errorf("read the queue: %w", err)
	}
	return nil
}
