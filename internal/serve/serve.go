// Package serve runs the jobs of a configuration on their schedules, on any
// number of machines that share the mirror's database, and reports on them by a
// status page, metrics and alerts.
//
// The queue is River's. A run is a job of the configuration for one tenant, and
// is in the queue once at a time. Two things River does not do are done here:
// it does not remember when a schedule was last enqueued (schedule_worker.go),
// and cannot tell a process that died from one that works for a long time
// (process_heartbeat.go). The tenant's lock, not the queue, makes sure that one run at a
// time reads a tenant; a run that finds the tenant locked is tried again later.
package serve

import (
	"context"
	"crypto/rand"
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

// Options configure a Server. All fields but RestartBrokenDatabase, Version and
// OnReady are required.
type Options struct {
	Pool   *pgxpool.Pool
	Config *config.Config
	Log    *slog.Logger
	// NewMirrorJob returns the job that the mirror runs for a tenant.
	NewMirrorJob func(*config.Config, config.Tenant, config.Job) mirror.Job
	// NewLogtoClient returns the client of one run, which closes it.
	NewLogtoClient func(config.Tenant, *slog.Logger) (*logto.Client, error)
	// RestartBrokenDatabase restarts an embedded server whose binaries were
	// replaced, if it is broken, and reports whether it did. Nil: the database is
	// not embedded.
	RestartBrokenDatabase func(context.Context) (restarted bool, err error)
	Version               string
	// OnReady is called once the status page is served, with its address and with
	// that of webhook deliveries, which is empty unless they have one of their own.
	OnReady func(status, webhook string)
}

// A Server is one process that works on the jobs of the queue.
type Server struct {
	Options
	processName   string // unique among all processes there ever were
	currentConfig atomic.Pointer[config.Config]
	queue         *river.Client[pgx.Tx]
	stopRuns      chan struct{} // closed to stop the runs at their next checkpoint
	activeRuns    activeRuns
	metrics       *metrics
	overviewCache overviewCache
	webhook       *webhookReceiver
	hints         *pendingHints
}

// New migrates the queue and returns a server that does not work yet. Package
// state has migrated the database before.
func New(ctx context.Context, o Options) (*Server, error) {
	if err := MigrateQueue(ctx, o.Pool); err != nil {
		return nil, err
	}
	s := &Server{Options: o, processName: newProcessName(), stopRuns: make(chan struct{})}
	s.currentConfig.Store(o.Config)
	s.metrics = newMetrics(s)
	s.hints = newPendingHints()
	s.webhook = newWebhookReceiver(func(tenant string) { s.hints.add(tenant, time.Now()) },
		func(tenant, outcome string) { s.metrics.deliveries.WithLabelValues(tenant, outcome).Inc() })
	workers := river.NewWorkers()
	river.AddWorker(workers, &runWorker{server: s})
	river.AddWorker(workers, river.WorkFunc(s.runSchedule))
	river.AddWorker(workers, river.WorkFunc(s.checkFreshnessAndPruneRuns))
	river.AddWorker(workers, &notificationWorker{server: s})
	river.AddWorker(workers, &createIndexesWorker{server: s})
	var err error
	s.queue, err = river.NewClient(riverpgxv5.New(o.Pool), &river.Config{
		ID: s.processName, Schema: queueSchema, Logger: slog.New(riverLogFilter{o.Log.Handler()}), Workers: workers, PeriodicJobs: s.periodicJobs(o.Config),
		Queues: map[string]river.QueueConfig{
			runQueue:         {MaxWorkers: o.Config.Serve.Workers},
			changesQueue:     {MaxWorkers: o.Config.Serve.Workers},
			maintenanceQueue: {MaxWorkers: 4},
		},
		// Jobs that read changes end every few seconds, and nothing reads ended jobs.
		CompletedJobRetentionPeriod: time.Hour,
		// A run that takes long is not stuck: rescueJobs rescues by heartbeat.
		RescueStuckJobsAfter: 365 * 24 * time.Hour,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the queue: %w", err)
	}
	return s, nil
}

// newProcessName returns a name for this process that no other one ever had.
func newProcessName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d-%s", host, os.Getpid(), strings.ToLower(rand.Text()[:10]))
}

// Reload applies a changed configuration to the runs that start from now on.
// serve.listen, serve.webhook.listen and serve.workers are applied at the next
// start.
func (s *Server) Reload(cfg *config.Config) {
	s.currentConfig.Store(cfg)
	s.queue.PeriodicJobs().Clear()
	s.queue.PeriodicJobs().AddMany(s.periodicJobs(cfg))
}

// Run works until stop is closed; then it lets the requests under way finish,
// leaves runs resumable and returns. When ctx is done it ends the same way, but
// waits for nothing.
func (s *Server) Run(ctx context.Context, stop <-chan struct{}) error {
	servers, err := s.startHTTPServers(ctx)
	if err != nil {
		return err
	}
	// River's context outlives ctx: River needs it to put running jobs back into
	// the queue.
	if err := s.queue.Start(context.WithoutCancel(ctx)); err != nil {
		return errors.Join(fmt.Errorf("start the queue: %w", err), servers.close())
	}
	heartbeatCtx, stopHeartbeats := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { s.heartbeatAndRescueLoop(heartbeatCtx) })
	hintsCtx, stopHints := context.WithCancel(ctx)
	wg.Go(func() { s.enqueueHintedRuns(hintsCtx) })
	s.Log.InfoContext(ctx, "server started", "process", s.processName, "listen", servers.status.address(), "webhook", servers.webhook.address(), "jobs", len(s.currentConfig.Load().Jobs), "workers", s.Config.Serve.Workers)
	if s.OnReady != nil {
		s.OnReady(servers.status.address(), servers.webhook.address())
	}
	select {
	case <-stop:
	case <-ctx.Done():
	case err = <-servers.failed:
	}
	stopHints()
	close(s.stopRuns)
	err = errors.Join(err, s.stopQueue(ctx), servers.close())
	stopHeartbeats()
	wg.Wait()
	s.deregister()
	s.Log.InfoContext(context.WithoutCancel(ctx), "server stopped", "process", s.processName)
	return err
}

// stopTimeout bounds the steps of a shutdown once Run's context is done: a
// database that no longer answers must not keep the process. The jobs it leaves
// behind are rescued by another process, or by the next.
const stopTimeout = 2 * time.Second

// stopQueue waits for the runs to stop, until ctx is done; then it cancels them.
func (s *Server) stopQueue(ctx context.Context) error {
	err := s.queue.Stop(ctx)
	if err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := s.queue.StopAndCancel(ctx); err != nil {
		return fmt.Errorf("stop the queue: %w", err)
	}
	return nil
}

// stopping reports whether the server is shutting down.
func (s *Server) stopping() bool {
	select {
	case <-s.stopRuns:
		return true
	default:
		return false
	}
}

// configuredJobAndTenant returns a job and one of its tenants from the current
// configuration.
func (s *Server) configuredJobAndTenant(job, tenant string) (cfg *config.Config, j config.Job, t config.Tenant, ok bool) {
	cfg = s.currentConfig.Load()
	j, isJob := cfg.Job(job)
	t, isTenant := cfg.Tenant(tenant)
	return cfg, j, t, isJob && isTenant && j.Tenants.Has(tenant)
}

// A riverLogFilter drops River's messages below a warning: they are about its own
// work.
type riverLogFilter struct{ slog.Handler }

func (h riverLogFilter) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

func (h riverLogFilter) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "Job errored") || strings.Contains(r.Message, "Job cancelled") {
		return nil // reportRunOutcome has logged it
	}
	return h.Handler.Handle(ctx, r)
}

func (h riverLogFilter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return riverLogFilter{h.Handler.WithAttrs(attrs)}
}

func (h riverLogFilter) WithGroup(name string) slog.Handler {
	return riverLogFilter{h.Handler.WithGroup(name)}
}
