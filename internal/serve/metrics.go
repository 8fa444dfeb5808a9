package serve

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
)

// metrics are the Prometheus metrics. Counters and the histogram are about this
// process; the state of the mirror is read from the database at each scrape, so
// every process reports the same.
type metrics struct {
	server   *Server
	registry *prometheus.Registry

	mu       sync.Mutex
	finished map[[2]string]logto.Stats // of runs that have ended, by tenant and job

	runs, rows  *prometheus.CounterVec
	deliveries  *prometheus.CounterVec
	runDuration *prometheus.HistogramVec

	waiting, requests, retries, throttled, limiterWait, proofAge, proved, followed, openIncidents, queuedJobs, processes, databaseUp *prometheus.Desc
}

func newMetrics(s *Server) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("syncer_"+name, help, labels, nil)
	}
	m := &metrics{
		server: s, registry: prometheus.NewRegistry(), finished: map[[2]string]logto.Stats{},
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "syncer_runs_total",
			Help: "Runs that ended in this process, by status.",
		}, []string{"tenant", "job", "status"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "syncer_rows_total",
			Help: "Rows of published runs, by outcome: inserted, updated, deleted, unchanged.",
		}, []string{"tenant", "listing", "outcome"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "syncer_webhook_deliveries_total",
			Help: "Webhook deliveries that arrived at this process, by outcome: accepted, or why one was refused.",
		}, []string{"tenant", "outcome"}),
		runDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "syncer_run_duration_seconds",
			Help: "Duration of runs.", Buckets: prometheus.ExponentialBuckets(1, 3, 10),
		}, []string{"tenant", "job"}),
		requests:      desc("requests_total", "Requests to Logto, including requests for tokens and retries.", "tenant", "job"),
		retries:       desc("retries_total", "Requests that were repeated.", "tenant", "job"),
		throttled:     desc("throttled_responses_total", "Responses of Logto that asked to slow down (429 or 503).", "tenant", "job"),
		limiterWait:   desc("rate_limiter_wait_seconds_total", "Seconds that requests waited for the rate limiter, summed over all requests.", "tenant", "job"),
		proofAge:      desc("listing_proof_age_seconds", "Time since a listing was last proved; absent if it never was.", "tenant", "listing"),
		proved:        desc("listing_proved", "1 if the last run proved the listing, 0 if not.", "tenant", "listing"),
		followed:      desc("listing_followed_timestamp_seconds", "Unix time up to which runs that read changes follow a listing, by the clock of Logto; absent if they do not.", "tenant", "listing"),
		waiting:       desc("run_waiting_seconds", "Time for which an active run has been waiting for Logto to answer; 0 if it is not waiting.", "tenant", "job"),
		openIncidents: desc("open_incidents", "Open incidents.", "kind"),
		queuedJobs:    desc("queued_runs", "Runs in the queue, by state.", "state"),
		processes:     desc("processes", "Processes of syncer serve that are alive."),
		databaseUp:    desc("database_up", "1 if the database answers."),
	}
	m.registry.MustRegister(m, m.runs, m.rows, m.deliveries, m.runDuration,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// recordRun counts a run that has ended, and marks it as counted under the same
// lock, so that no scrape counts it twice or not at all.
func (m *metrics) recordRun(id int64, job string, s mirror.Summary) {
	m.mu.Lock()
	m.server.activeRuns.markCounted(id)
	key := [2]string{s.Tenant, job}
	m.finished[key] = m.finished[key].Plus(logto.Stats{
		Requests: s.Requests, Retries: s.Retries, Throttled: s.Throttled, Waited: time.Duration(s.Waited * float64(time.Second)),
	})
	m.mu.Unlock()
	m.runs.WithLabelValues(s.Tenant, job, s.Status).Inc()
	m.runDuration.WithLabelValues(s.Tenant, job).Observe(s.Seconds)
	for _, c := range s.Changed {
		for outcome, n := range map[string]int64{"inserted": c.Inserted, "updated": c.Updated, "deleted": c.Deleted} {
			m.rows.WithLabelValues(s.Tenant, c.Listing, outcome).Add(float64(n))
		}
	}
	for _, c := range s.Listings {
		for outcome, n := range map[string]int64{"inserted": c.Inserted, "updated": c.Updated, "deleted": c.Deleted, "unchanged": c.Unchanged} {
			m.rows.WithLabelValues(s.Tenant, c.Listing, outcome).Add(float64(n))
		}
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.waiting, m.requests, m.retries, m.throttled, m.limiterWait, m.proofAge, m.proved, m.followed, m.openIncidents, m.queuedJobs, m.processes, m.databaseUp} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	m.collectRequests(out)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	v, err := m.server.cachedOverview(ctx)
	if err != nil {
		out <- prometheus.MustNewConstMetric(m.databaseUp, prometheus.GaugeValue, 0)
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(m.databaseUp, 1)
	gauge(m.processes, float64(len(v.Processes)))
	for key, seconds := range v.logtoWaitSecondsByRun() {
		gauge(m.waiting, seconds, key[0], key[1])
	}
	kinds := map[string]int{incidentFailed: 0, incidentUnproved: 0, incidentStale: 0}
	for _, i := range v.Incidents {
		kinds[i.Kind]++
	}
	for kind, n := range kinds {
		gauge(m.openIncidents, float64(n), kind)
	}
	for _, name := range []string{"available", "pending", "running", "retryable", "scheduled"} {
		gauge(m.queuedJobs, float64(v.QueueStates[name]), name)
	}
	for _, f := range v.Freshness {
		if at := listingProvedAt(f); !at.IsZero() {
			gauge(m.proofAge, time.Since(at).Seconds(), f.Tenant, f.Listing)
		}
		if f.FollowedUntil != nil {
			gauge(m.followed, float64(f.FollowedUntil.UnixMilli())/1000, f.Tenant, f.Listing)
		}
		proved := 0.0
		if f.Proof == "complete" {
			proved = 1
		}
		gauge(m.proved, proved, f.Tenant, f.Listing)
	}
}

// collectRequests adds up the requests of finished and active runs.
func (m *metrics) collectRequests(out chan<- prometheus.Metric) {
	m.mu.Lock()
	total := maps.Clone(m.finished)
	for key, s := range m.server.activeRuns.requestStatsByRun() {
		total[key] = total[key].Plus(s)
	}
	m.mu.Unlock()
	for key, s := range total {
		counter := func(d *prometheus.Desc, value float64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, key[0], key[1])
		}
		counter(m.requests, float64(s.Requests))
		counter(m.retries, float64(s.Retries))
		counter(m.throttled, float64(s.Throttled))
		counter(m.limiterWait, s.Waited.Seconds())
	}
}
