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

// A glance is what the page, the metrics and /readyz show of the database. It
// is looked up once for all who ask within a few seconds. Its zero value is
// ready, and it may be used concurrently.
type glance struct {
	mu   sync.Mutex
	last *view
}

// glanceFor is how old what is shown may be.
const glanceFor = 2 * time.Second

// A view is the state of everything at a moment.
type view struct {
	At        time.Time
	Runs      []state.Record // the newest first
	Ages      ages
	Fresh     []state.Freshness
	Incidents []incident // those that are on
	Servers   []server
	Queue     map[string]int // jobs for tenants by state
}

type incident struct {
	Tenant, Job, Kind, Reason string
	Since                     time.Time
}

type server struct {
	Name    string
	Started time.Time
	Seen    time.Time
	Doing   []activity
}

func (g *glance) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last = nil
}

// look returns the state of everything.
func (s *Server) look(ctx context.Context) (*view, error) {
	s.glance.mu.Lock()
	defer s.glance.mu.Unlock()
	if v := s.glance.last; v != nil && time.Since(v.At) < glanceFor {
		return v, nil
	}
	v := &view{At: time.Now(), Queue: map[string]int{}}
	for _, part := range []func(context.Context, *view) error{s.lookAtRuns, s.lookAtIncidents, s.lookAtServers, s.lookAtQueue} {
		if err := part(ctx, v); err != nil {
			return nil, err
		}
	}
	s.glance.last = v
	return v, nil
}

// Of a few tenants many runs are looked at, of many a few.
const (
	runsOfOne = 30
	runsOfAll = 300
)

func (s *Server) lookAtRuns(ctx context.Context, v *view) (err error) {
	each := max(2, min(runsOfOne, runsOfAll/len(s.current.Load().Tenants)))
	if v.Runs, err = state.Last(ctx, s.Pool, each); err != nil {
		return err
	}
	if v.Ages, err = s.ages(ctx); err != nil {
		return err
	}
	for _, fresh := range v.Ages.fresh {
		v.Fresh = append(v.Fresh, fresh...)
	}
	return nil
}

func (s *Server) lookAtIncidents(ctx context.Context, v *view) error {
	rows, err := s.Pool.Query(ctx, "select tenant_id, job, kind, reason, opened_at from syncer.incidents where closed_at is null order by opened_at")
	if err == nil {
		v.Incidents, err = pgx.CollectRows(rows, pgx.RowToStructByPos[incident])
	}
	if err != nil {
		return fmt.Errorf("read the incidents: %w", err)
	}
	return nil
}

func (s *Server) lookAtServers(ctx context.Context, v *view) error {
	silence := s.current.Load().Serve.TakeOver
	rows, err := s.Pool.Query(ctx, `select name, started_at, seen_at, doing from syncer.servers
		where seen_at > clock_timestamp() - $1::interval order by name`, silence)
	if err != nil {
		return fmt.Errorf("read the servers: %w", err)
	}
	v.Servers, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (one server, err error) {
		var doing []byte
		if err = row.Scan(&one.Name, &one.Started, &one.Seen, &doing); err == nil {
			err = json.Unmarshal(doing, &one.Doing)
		}
		return one, err
	})
	if err != nil {
		return fmt.Errorf("read the servers: %w", err)
	}
	return nil
}

func (s *Server) lookAtQueue(ctx context.Context, v *view) error {
	rows, err := s.Pool.Query(ctx, "select state::text, count(*) from "+schema+`.river_job
		where kind = 'tenant' and state in ('available', 'pending', 'running', 'retryable', 'scheduled') group by state`)
	if err != nil {
		return fmt.Errorf("read the queue: %w", err)
	}
	var name string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { v.Queue[name] = n; return nil }); err != nil {
		return fmt.Errorf("read the queue: %w", err)
	}
	return nil
}
