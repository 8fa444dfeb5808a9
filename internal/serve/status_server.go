package serve

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"logto-syncer/internal/config"
)

// A statusServer serves the status page, the metrics and the probes over HTTP.
type statusServer struct {
	listener net.Listener
	server   *http.Server
	failed   chan error // why it ended without close
	done     chan struct{}
}

func (s *Server) startStatusServer(ctx context.Context) (*statusServer, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", s.Config.Serve.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for the status page: %w", err)
	}
	w := &statusServer{listener, &http.Server{
		Handler: s.httpHandler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: nil,
	}, make(chan error, 1), make(chan struct{})}
	go func() {
		defer close(w.done)
		if err := w.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			w.failed <- fmt.Errorf("serve the status page: %w", err)
		}
	}()
	return w, nil
}

func (w *statusServer) address() string { return w.listener.Addr().String() }

func (w *statusServer) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := w.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = w.server.Close()
	}
	<-w.done
	return err
}

func (s *Server) httpHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.handleReadyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{Timeout: 30 * time.Second}))
	mux.HandleFunc("GET /{$}", s.handleStatusPage)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pageFiles, "page/style.css") })
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /run", s.handleRunNow)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}

// handleReadyz reports whether the mirror is fresh: the database answers and no
// listing is older than the max_age of a job.
func (s *Server) handleReadyz(w http.ResponseWriter, r *http.Request) {
	v, err := s.loadOverview(r.Context())
	if err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	cfg := s.currentConfig.Load()
	var stale []string
	for _, j := range cfg.Jobs {
		if j.MaxAge == 0 {
			continue
		}
		for _, t := range cfg.TenantsOf(j) {
			if reason := v.ProofAges.staleReason(j, t.Name, time.Now()); reason != "" {
				stale = append(stale, t.Name+": "+reason)
			}
		}
	}
	if len(stale) > 0 {
		http.Error(w, strings.Join(stale, "\n"), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// handleRunNow enqueues runs of a job, for one of its tenants or for all. The
// client sends the token as Authorization: Bearer or as a form field.
func (s *Server) handleRunNow(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	cfg := s.currentConfig.Load()
	given, byHeader := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !byHeader {
		given = r.PostFormValue("token")
	}
	token := cfg.Serve.Token.Reveal()
	switch {
	case token == "":
		http.Error(w, "runs cannot be started here: serve.token is not set", http.StatusForbidden)
		return
	case subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1:
		http.Error(w, "the token is wrong", http.StatusUnauthorized)
		return
	}
	name, tenant := r.PostFormValue("job"), r.PostFormValue("tenant")
	if before, after, ok := strings.Cut(name, " "); ok { // the form has one field for both
		name, tenant = before, after
	}
	j, ok := cfg.Job(name)
	tenants := cfg.TenantsOf(j)
	if tenant != "" {
		tenants = slices.DeleteFunc(tenants, func(t config.Tenant) bool { return t.Name != tenant })
	}
	if !ok || len(tenants) == 0 {
		http.Error(w, "the configuration has no such job or tenant", http.StatusNotFound)
		return
	}
	names := make([]string, len(tenants))
	for i, t := range tenants {
		names[i] = t.Name
	}
	if err := s.enqueueRuns(r.Context(), j, names...); err != nil {
		s.Log.ErrorContext(r.Context(), "cannot enqueue runs", "job", j.Name, "tenants", len(names), "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	s.overviewCache.invalidate()
	if byHeader {
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s enqueued for %d %s\n", j.Name, len(tenants), plural(len(tenants), "tenant"))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// enqueueRuns enqueues a run of each tenant, to start as soon as a worker is
// free: of all or, with an error, of none. A run that waits for its scheduled
// time or for a retry starts at once, too.
func (s *Server) enqueueRuns(ctx context.Context, j config.Job, tenants ...string) error {
	inserts := make([]river.InsertManyParams, len(tenants))
	for i, t := range tenants {
		inserts[i] = river.InsertManyParams{Args: runArgs{j.Name, t, nil}, InsertOpts: runInsertOptions(j, time.Time{})}
	}
	results, err := s.queue.InsertMany(ctx, inserts)
	if err != nil {
		return err
	}
	for _, r := range results {
		if !r.UniqueSkippedAsDuplicate || r.Job.State == rivertype.JobStateRunning || r.Job.State == rivertype.JobStateAvailable {
			continue
		}
		// A job that is not found has ended in the meantime.
		if _, err := s.queue.JobRetry(ctx, r.Job.ID); err != nil && !errors.Is(err, river.ErrNotFound) {
			return err
		}
	}
	return nil
}
