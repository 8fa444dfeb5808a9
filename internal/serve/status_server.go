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

// A statusServer is what answers over HTTP.
type statusServer struct {
	listener net.Listener
	server   *http.Server
	failed   chan error // why it ended by itself
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
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
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

// handleReadyz says whether the mirror can be relied on: the database answers and no
// table is older than a job allows.
func (s *Server) handleReadyz(w http.ResponseWriter, r *http.Request) {
	v, err := s.loadOverview(r.Context())
	if err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	cfg := s.currentConfig.Load()
	var old []string
	for _, j := range cfg.Jobs {
		if j.MaxAge == 0 {
			continue
		}
		for _, t := range cfg.TenantsOf(j) {
			if reason := v.ProofAges.staleReason(j, t.Name, time.Now()); reason != "" {
				old = append(old, t.Name+": "+reason)
			}
		}
	}
	if len(old) > 0 {
		http.Error(w, strings.Join(old, "\n"), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// handleRunNow puts a job into the queue for one tenant or for all it is for. Who
// asks shows the token, as Authorization: Bearer or in the form.
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
		http.Error(w, "nobody may: the configuration has no serve.token", http.StatusForbidden)
		return
	case subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1:
		http.Error(w, "this is not the token", http.StatusUnauthorized)
		return
	}
	name, tenant := r.PostFormValue("job"), r.PostFormValue("tenant")
	if before, after, ok := strings.Cut(name, " "); ok { // the form's one choice of both
		name, tenant = before, after
	}
	j, ok := cfg.Job(name)
	tenants := cfg.TenantsOf(j)
	if tenant != "" {
		tenants = slices.DeleteFunc(tenants, func(t config.Tenant) bool { return t.Name != tenant })
	}
	if !ok || len(tenants) == 0 {
		http.Error(w, "there is no such job or tenant", http.StatusNotFound)
		return
	}
	names := make([]string, len(tenants))
	for i, t := range tenants {
		names[i] = t.Name
	}
	if err := s.enqueueRuns(r.Context(), j, names...); err != nil {
		s.Log.ErrorContext(r.Context(), "could not put a job into the queue", "job", j.Name, "tenants", len(names), "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	s.overviewCache.invalidate()
	if byHeader {
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "in the queue: %s for %d\n", j.Name, len(tenants))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// enqueueRuns asks for a run of each of some tenants, as soon as there is a worker:
// of all or, with an error, of none that is not in the queue yet. One that
// waits for its time, or to be tried again, waits no longer.
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
		// One that is not found is done in the meantime.
		if _, err := s.queue.JobRetry(ctx, r.Job.ID); err != nil && !errors.Is(err, river.ErrNotFound) {
			return err
		}
	}
	return nil
}
