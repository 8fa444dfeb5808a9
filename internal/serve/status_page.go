package serve

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"logto-syncer/internal/config"
	"logto-syncer/internal/state"
)

//go:embed page
var pageFiles embed.FS

// A statusPage is the data of the page's template.
type statusPage struct {
	Version     string
	At          time.Time
	WaitingRuns int // active runs that wait for Logto to answer
	Incidents   []openIncident
	ActiveRuns  []activeRunRow
	Jobs        []configuredJobRow
	Charts      []chart
	Runs        []state.RunRecord
	Freshness   []freshnessRow
	AnyFollowed bool // a listing is followed between its proofs
	Omitted     int  // lines of Fresh that are left out
	RunEnabled  bool
	Processes   []liveProcess
	QueuedJobs  int
	Tenant      string // the only one shown; empty: all
	Tenants     []string
}

// An activeRunRow is a run under way.
type activeRunRow struct {
	runProgress
	Process string
}

// A configuredJobRow is a job of the configuration for one tenant.
type configuredJobRow struct {
	Job, Tenant, Schedule, Timezone string
	Next                            time.Time // zero: only on request
	Last                            *state.RunRecord
	OpenIncidents                   string // kinds of open incidents
}

// A freshnessRow is a listing of a tenant.
type freshnessRow struct {
	state.Freshness
	Proved   time.Time // zero: never
	Followed time.Time // zero: it is not
	Stale    bool      // the proof is older than the max_age of a job
	Lagging  bool      // it is not followed as far as a job's max_age demands
}

// Limits of the page's tables, to keep them readable.
const (
	maxRunRows       = 60
	maxFreshnessRows = 200
	maxJobRows       = 200
)

// handleStatusPage serves the status page; ?tenant=NAME shows one tenant only.
func (s *Server) handleStatusPage(w http.ResponseWriter, r *http.Request) {
	v, err := s.cachedOverview(r.Context())
	if err != nil {
		s.Log.WarnContext(r.Context(), "cannot read the data of the status page", "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	tmpl, err := template.New("page.html").Funcs(template.FuncMap{
		"when": formatTime, "age": formatAge, "count": formatCount, "seconds": formatSeconds, "changed": countChangedRows, "proofs": formatProvedListings, "status": displayStatus, "plural": pluralNoun,
	}).ParseFS(pageFiles, "page/page.html")
	var out bytes.Buffer
	if err == nil {
		err = tmpl.Execute(&out, s.newStatusPage(v, r.URL.Query().Get("tenant")))
	}
	if err != nil {
		s.Log.ErrorContext(r.Context(), "cannot render the status page", "error", err)
		http.Error(w, "the page cannot be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = out.WriteTo(w) // fails if the client has disconnected
}

func (s *Server) newStatusPage(v *overview, tenant string) statusPage {
	cfg := s.currentConfig.Load()
	only := func(name string) bool { return tenant == "" || name == tenant }
	p := statusPage{
		Version: s.Version, At: v.At, RunEnabled: cfg.Serve.Token != "", Processes: v.Processes, Tenant: tenant,
		QueuedJobs: v.QueueStates["available"] + v.QueueStates["retryable"] + v.QueueStates["scheduled"],
	}
	for _, t := range cfg.Tenants {
		p.Tenants = append(p.Tenants, t.Name)
	}
	for _, i := range v.Incidents {
		if only(i.Tenant) {
			p.Incidents = append(p.Incidents, i)
		}
	}
	for _, one := range v.Processes {
		for _, a := range one.ActiveRuns {
			if only(a.Tenant) {
				p.ActiveRuns = append(p.ActiveRuns, activeRunRow{a, one.Name})
				if a.Waiting != "" {
					p.WaitingRuns++
				}
			}
		}
	}
	for _, run := range v.Runs {
		if only(run.Tenant) && len(p.Runs) < maxRunRows {
			p.Runs = append(p.Runs, run)
		}
	}
	p.addConfiguredJobs(cfg, v, only)
	p.addFreshness(cfg, v, only)
	p.addCharts(v, only)
	return p
}

func (p *statusPage) addConfiguredJobs(cfg *config.Config, v *overview, only func(string) bool) {
	for _, j := range cfg.Jobs {
		for _, tenant := range cfg.TenantNamesOf(j) {
			if !only(tenant) || len(p.Jobs) == maxJobRows {
				continue
			}
			row := configuredJobRow{Job: j.Name, Tenant: tenant, Schedule: j.Schedule, Timezone: j.Timezone}
			if j.Cron != nil {
				row.Next = j.Cron.Next(v.At)
			}
			at := slices.IndexFunc(v.Runs, func(r state.RunRecord) bool { return r.Tenant == tenant && r.Job == j.Name })
			if at >= 0 {
				row.Last = &v.Runs[at]
			}
			var kinds []string
			for _, i := range v.Incidents {
				if i.Job == j.Name && i.Tenant == tenant {
					kinds = append(kinds, i.Kind)
				}
			}
			row.OpenIncidents = strings.Join(kinds, ", ")
			p.Jobs = append(p.Jobs, row)
		}
	}
}

func (p *statusPage) addFreshness(cfg *config.Config, v *overview, only func(string) bool) {
	for _, f := range v.Freshness {
		if !only(f.Tenant) {
			continue
		}
		row := freshnessRow{Freshness: f, Proved: listingProvedAt(f)}
		if f.FollowedUntil != nil {
			row.Followed, p.AnyFollowed = *f.FollowedUntil, true
		}
		for _, j := range cfg.Jobs {
			if j.MaxAge == 0 || !j.Tenants.Has(f.Tenant) || !j.Listings.Has(f.Listing) {
				continue
			}
			if j.Read == config.ReadChanges {
				row.Lagging = row.Lagging || isFollowedByFeed(f) && v.At.Sub(*f.FollowedUntil) > j.MaxAge
			} else {
				row.Stale = row.Stale || v.At.Sub(row.Proved) > j.MaxAge
			}
		}
		p.Freshness = append(p.Freshness, row)
	}
	slices.SortStableFunc(p.Freshness, func(a, b freshnessRow) int {
		if c := a.Proved.Truncate(time.Minute).Compare(b.Proved.Truncate(time.Minute)); c != 0 {
			return c
		}
		return strings.Compare(a.Tenant+" "+a.Listing, b.Tenant+" "+b.Listing)
	})
	if p.Omitted = len(p.Freshness) - maxFreshnessRows; p.Omitted > 0 {
		p.Freshness = p.Freshness[:maxFreshnessRows]
	}
}
