package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"logto-syncer/internal/config"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/serve"
)

// serveCmd is syncer serve.
type serveCmd struct {
	Listen string `placeholder:"HOST:PORT" help:"Where the status page is, instead of serve.listen."`
}

// Run is called by kong.
func (c *serveCmd) Run(ctx context.Context, a *app) (err error) {
	cfg, err := c.load(a)
	if err != nil {
		return err
	}
	log := a.out.logger(a.stderr)
	db, err := openDatabase(ctx, cfg.Database, cfg.Serve.Workers)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.migrate(ctx, log); err != nil {
		return err
	}
	if err := checkRules(ctx, db, cfg); err != nil {
		return err
	}
	a.graceful.Store(true)
	defer a.graceful.Store(false)
	server, err := serve.New(ctx, serve.Options{
		Pool: db.Pool, Config: cfg, Log: log, NewMirrorJob: newMirrorJob, NewLogtoClient: newClient, Version: programVersion(),
		RestartBrokenDatabase: db.restartIfBroken,
		OnReady: func(address, webhook string) {
			line := map[string]any{"type": "serving", "address": "http://" + address}
			if webhook != "" {
				line["webhook"] = "http://" + webhook
			}
			a.out.printJSON(line)
			a.out.printf("Status page: http://%s. Ctrl-C stops; kill -HUP reloads %s.\n", address, a.config)
		},
	})
	if err != nil {
		return err
	}
	done := c.reloadOnHangup(ctx, a, log, server)
	defer done()
	return server.Run(ctx, a.stop)
}

// load reads the configuration, in which the flags win.
func (c *serveCmd) load(a *app) (*config.Config, error) {
	cfg, err := a.load()
	if err == nil && c.Listen != "" {
		cfg.Serve.Listen = c.Listen
	}
	return cfg, err
}

func newMirrorJob(cfg *config.Config, t config.Tenant, j config.Job) mirror.Job {
	return taskOf(cfg, t, j, selectedListings(j.Listings), false).job
}

// reloadOnHangup reads the configuration again at every SIGHUP. One with mistakes is
// refused, and the one there is kept.
func (c *serveCmd) reloadOnHangup(ctx context.Context, a *app, log *slog.Logger, server *serve.Server) (done func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
			}
			cfg, err := c.load(a)
			if err != nil {
				log.ErrorContext(ctx, "the changed configuration is refused, the one before is kept", "error", err)
				continue
			}
			server.Reload(cfg)
			log.InfoContext(ctx, "configuration reloaded", "jobs", len(cfg.Jobs), "tenants", len(cfg.Tenants))
		}
	})
	return func() {
		signal.Stop(hangups)
		cancel()
		wg.Wait()
	}
}
