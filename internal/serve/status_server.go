package serve

import (
	"crypto/subtle"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// httpHandler returns the handler of serve.listen: the status page, the metrics,
// the probes, and webhook deliveries unless they have an address of their own.
func (s *Server) httpHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.handleReadyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{Timeout: 30 * time.Second}))
	mux.HandleFunc("GET /{$}", s.handleStatusPage)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pageFiles, "page/style.css") })
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("POST /run", s.handleRunNow)
	if s.Config.Serve.Webhook.Listen == "" {
		return withSecurityHeaders(s.withWebhookDeliveries(mux))
	}
	return withSecurityHeaders(mux)
}

func withSecurityHeaders(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		handler.ServeHTTP(w, r)
	})
}

// withWebhookDeliveries takes the deliveries of the hooks in the current configuration,
// and leaves all other requests to another handler.
func (s *Server) withWebhookDeliveries(others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hook, ok := hookByPath(s.currentConfig.Load(), r.URL.Path); ok {
			s.webhook.receive(w, r, hook)
			return
		}
		others.ServeHTTP(w, r)
	})
}

// handleReadyz reports whether the mirror is fresh: the database answers and no
// listing is older than the max_age of a job.
func (s *Server) handleReadyz(w http.ResponseWriter, r *http.Request) {
	v, err := s.cachedOverview(r.Context())
	if err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	var stale []string
	for _, c := range v.ProofAges.check(s.currentConfig.Load(), time.Now()) {
		if c.reason != "" {
			stale = append(stale, c.tenant+": "+c.reason)
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
	tenants := cfg.TenantNamesOf(j)
	if tenant != "" {
		tenants = slices.DeleteFunc(tenants, func(name string) bool { return name != tenant })
	}
	if !ok || len(tenants) == 0 {
		http.Error(w, "the configuration has no such job or tenant", http.StatusNotFound)
		return
	}
	if _, err := s.enqueueRunsNow(r.Context(), j, tenants...); err != nil {
		s.Log.ErrorContext(r.Context(), "cannot enqueue runs", "job", j.Name, "tenants", len(tenants), "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	s.overviewCache.invalidate()
	if byHeader {
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s enqueued for %d %s\n", j.Name, len(tenants), pluralNoun(len(tenants), "tenant"))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
