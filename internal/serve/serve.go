// Package serve runs the jobs of a configuration on their schedules, on any
// number of machines that share the mirror's database, and tells how they are:
// by a status page, metrics and alerts.
//
// The queue is River's. One of its jobs is one job of the configuration for
// one tenant, of which there is one at a time. What River does not do is done
// here: it has no memory of when a schedule was last kept (package file
// plan.go), and takes a worker that died for one that works for long
// (takeover.go). That a tenant is read by one run at a time is not the queue's
// affair but that of the tenant's lock; a job that finds it taken comes back.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"logto-syncer/internal/config"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
)

// Options is what a Server is made of; all of it is required but Version and
// Ready.
type Options struct {
	Pool   *pgxpool.Pool
	Config *config.Config
	Log    *slog.Logger
	// NewMirrorJob makes the job that the mirror runs for a tenant.
	NewMirrorJob func(*config.Config, config.Tenant, config.Job) mirror.Job
	// NewLogtoClient makes the client of a run, which is closed after it.
	NewLogtoClient func(config.Tenant, *slog.Logger) (*logto.Client, error)
	Version        string
	// OnReady is told the address the server answers at, once it does.
	OnReady func(address string)
}

// A Server is one process that works on the queue.
type Server struct {
	Options
	processName   string // of this process, its like never seen before
	currentConfig atomic.Pointer[config.Config]
	queue         *river.Client[pgx.Tx]
	stopRuns      chan struct{} // closed when runs are to rest
	activeRuns    activeRuns
	metrics       *metrics
	overviewCache overviewCache
}

// New migrates the queue and prepares a server that has not begun to work.
// The database has been migrated by package state.
func New(ctx context.Context, o Options) (*Server, error) {
	if err := Migrate(ctx, o.Pool); err != nil {
		return nil, err
	}
	s := &Server{Options: o, processName: newProcessName(), stopRuns: make(chan struct{})}
	s.currentConfig.Store(o.Config)
	s.metrics = newMetrics(s)
	workers := river.NewWorkers()
	river.AddWorker(workers, &runWorker{server: s})
	river.AddWorker(workers, &scheduleWorker{server: s})
	river.AddWorker(workers, &freshnessCheckWorker{server: s})
	river.AddWorker(workers, &notificationWorker{server: s})
	river.AddWorker(workers, &createIndexesWorker{server: s})
	var err error
	s.queue, err = river.NewClient(riverpgxv5.New(o.Pool), &river.Config{
		ID: s.processName, Schema: queueSchema, Logger: warningsOnly(o.Log), Workers: workers, PeriodicJobs: s.periodicJobs(o.Config),
		Queues: map[string]river.QueueConfig{
			runQueue:         {MaxWorkers: o.Config.Serve.Workers},
			maintenanceQueue: {MaxWorkers: 4},
		},
		// How long a run takes says nothing about whether it is stuck.
		RescueStuckJobsAfter: 365 * 24 * time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the queue: %w", err)
	}
	return s, nil
}

// newProcessName is a name for this process that no other has ever had.
func newProcessName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), randomSuffix())
}

// Reload takes over a changed configuration: the runs under way end as they
// began. serve.listen and serve.workers stay as they are until a restart.
func (s *Server) Reload(cfg *config.Config) {
	s.currentConfig.Store(cfg)
	s.queue.PeriodicJobs().Clear()
	s.queue.PeriodicJobs().AddMany(s.periodicJobs(cfg))
}

// Run works until stop is closed; then it lets the requests under way finish,
// leaves runs resumable and returns. It ends the same way when ctx is done,
// but waits for nothing.
func (s *Server) Run(ctx context.Context, stop <-chan struct{}) error {
	site, err := s.startStatusServer(ctx)
	if err != nil {
		return err
	}
	// What River is given must outlive ctx for as long as it takes to put
	// everything back into the queue.
	if err := s.queue.Start(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(fmt.Errorf("start the queue: %w", err), site.close())
	}
	beating, still := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { s.sendHeartbeats(beating) })
	s.Log.InfoContext(ctx, "serving", "name", s.processName, "listen", site.address(), "jobs", len(s.currentConfig.Load().Jobs), "workers", s.Config.Serve.Workers)
	if s.OnReady != nil {
		s.OnReady(site.address())
	}
	select {
	case <-stop:
	case <-ctx.Done():
	case err = <-site.failed:
	}
	close(s.stopRuns)
	err = errors.Join(err, s.stopQueue(ctx), site.close())
	still()
	wg.Wait()
	s.deregister()
	s.Log.InfoContext(context.WithoutCancel(ctx), "stopped", "name", s.processName)
	return err
}

// shutdownTimeout is how long the end waits for what does not end by itself.
const shutdownTimeout = 30 * time.Second

// stopQueue waits for the runs to come to rest, until ctx is done; then it cuts
// them off.
func (s *Server) stopQueue(ctx context.Context) error {
	err := s.queue.Stop(ctx)
	if err == nil {
		return nil
	}
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := s.queue.StopAndCancel(hard); err != nil {
		return fmt.Errorf("stop the queue: %w", err)
	}
	return nil
}

// stopping reports whether runs are to rest.
func (s *Server) stopping() bool {
	select {
	case <-s.stopRuns:
		return true
	default:
		return false
	}
}

// findJobAndTenant returns a job and a tenant of it as the configuration has them now.
func (s *Server) findJobAndTenant(job, tenant string) (cfg *config.Config, j config.Job, t config.Tenant, ok bool) {
	cfg = s.currentConfig.Load()
	j, isJob := cfg.Job(job)
	t, isTenant := cfg.Tenant(tenant)
	return cfg, j, t, isJob && isTenant && j.Tenants.Has(tenant)
}

// warningsOnly hands on what River logs, from warnings on: the rest is about River.
func warningsOnly(log *slog.Logger) *slog.Logger { return slog.New(warningHandler{log.Handler()}) }

type warningHandler struct{ slog.Handler }

func (h warningHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h warningHandler) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "Job errored") || strings.Contains(r.Message, "Job cancelled") {
		return nil // the run has said so itself, in its own words
	}
	return h.Handler.Handle(ctx, r)
}

func (h warningHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warningHandler{h.Handler.WithAttrs(attrs)}
}

func (h warningHandler) WithGroup(name string) slog.Handler {
	return warningHandler{h.Handler.WithGroup(name)}
}
