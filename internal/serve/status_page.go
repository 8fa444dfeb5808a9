package serve

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"logto-syncer/internal/config"
	"logto-syncer/internal/state"
)

//go:embed page
var pageFiles embed.FS

// A statusPage is what the page shows.
type statusPage struct {
	Version    string
	At         time.Time
	Healthy    bool
	Incidents  []openIncident
	ActiveRuns []activeRunRow
	Jobs       []jobRow
	Charts     []chart
	Runs       []state.RunRecord
	Freshness  []freshnessRow
	Omitted    int // lines of Fresh that are left out
	RunEnabled bool
	Processes  []processInfo
	QueuedJobs int
	Tenant     string // the only one shown; empty: all
	Tenants    []string
}

// activeRunRow is a run under way.
type activeRunRow struct {
	runProgress
	Process string
}

// jobRow is a job for a tenant.
type jobRow struct {
	Job, Tenant, Schedule, Timezone string
	Next                            time.Time // zero: only when asked
	Last                            *state.RunRecord
	OpenIncidents                   string // kinds of incidents that are on
}

// freshnessRow is a listing of a tenant.
type freshnessRow struct {
	state.Freshness
	Proved time.Time // zero: never
	Old    bool
}

// What a page shows at most, for a person to find anything on it.
const (
	maxRunRows       = 60
	maxFreshnessRows = 200
	maxJobRows       = 200
)

// handleStatusPage answers with the status page. ?tenant=NAME shows one tenant alone.
func (s *Server) handleStatusPage(w http.ResponseWriter, r *http.Request) {
	v, err := s.loadOverview(r.Context())
	if err != nil {
		s.Log.WarnContext(r.Context(), "the status page has nothing to show", "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	tmpl, err := template.New("page.html").Funcs(template.FuncMap{
		"when": formatTime, "age": formatAge, "count": formatCount, "seconds": formatSeconds, "changed": changedRows, "proofs": formatProvedListings, "status": displayStatus,
	}).ParseFS(pageFiles, "page/page.html")
	var out bytes.Buffer
	if err == nil {
		err = tmpl.Execute(&out, s.newStatusPage(v, r.URL.Query().Get("tenant")))
	}
	if err != nil {
		s.Log.ErrorContext(r.Context(), "the status page could not be made", "error", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = out.WriteTo(w) // fails when the reader is gone
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
	p.Healthy = len(p.Incidents) == 0
	for _, one := range v.Processes {
		for _, a := range one.ActiveRuns {
			if only(a.Tenant) {
				p.ActiveRuns = append(p.ActiveRuns, activeRunRow{a, one.Name})
			}
		}
	}
	for _, run := range v.Runs {
		if only(run.Tenant) && len(p.Runs) < maxRunRows {
			p.Runs = append(p.Runs, run)
		}
	}
	p.addJobs(cfg, v, only)
	p.addFreshness(cfg, v, only)
	p.addCharts(v, only)
	return p
}

func (p *statusPage) addJobs(cfg *config.Config, v *overview, only func(string) bool) {
	for _, j := range cfg.Jobs {
		for _, t := range cfg.TenantsOf(j) {
			if !only(t.Name) || len(p.Jobs) == maxJobRows {
				continue
			}
			line := jobRow{Job: j.Name, Tenant: t.Name, Schedule: j.Schedule, Timezone: j.Timezone}
			if j.Cron != nil {
				line.Next = j.Cron.Next(v.At)
			}
			at := slices.IndexFunc(v.Runs, func(r state.RunRecord) bool { return r.Tenant == t.Name && r.Job == j.Name })
			if at >= 0 {
				line.Last = &v.Runs[at]
			}
			var kinds []string
			for _, i := range v.Incidents {
				if i.Job == j.Name && i.Tenant == t.Name {
					kinds = append(kinds, i.Kind)
				}
			}
			line.OpenIncidents = strings.Join(kinds, ", ")
			p.Jobs = append(p.Jobs, line)
		}
	}
}

func (p *statusPage) addFreshness(cfg *config.Config, v *overview, only func(string) bool) {
	for _, f := range v.Freshness {
		if !only(f.Tenant) {
			continue
		}
		line := freshnessRow{Freshness: f, Proved: lastProvedAt(f)}
		for _, j := range cfg.Jobs {
			if j.MaxAge > 0 && j.Tenants.Has(f.Tenant) && j.Listings.Has(f.Listing) && v.At.Sub(line.Proved) > j.MaxAge {
				line.Old = true
			}
		}
		p.Freshness = append(p.Freshness, line)
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

// formatTime is a time as the page writes it.
func formatTime(v any) string {
	switch t := v.(type) {
	case time.Time:
		if !t.IsZero() {
			return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
		}
	case *time.Time:
		if t != nil {
			return formatTime(*t)
		}
	}
	return "never"
}

// formatAge is how long ago something was, in one unit.
func formatAge(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	switch d := now.Sub(t); {
	case d < 0:
		return "in " + strings.TrimSuffix(formatAge(t, now), " ago")
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// formatCount is a number with its thousands parted.
func formatCount(v any) string {
	n, ok := v.(int64)
	if i, isInt := v.(int); !ok && isInt {
		n = int64(i)
	}
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func formatSeconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// changedRows is how many rows a run changed.
func changedRows(r state.RunRecord) int64 {
	var n int64
	for _, c := range r.Listings {
		n += c.Inserted + c.Updated + c.Deleted
	}
	return n
}

// formatProvedListings is how many listings of a run are proved, of how many.
func formatProvedListings(r state.RunRecord) string {
	n := 0
	for _, c := range r.Listings {
		if c.Proof == "complete" || c.Proof == "unknown to server" {
			n++
		}
	}
	return fmt.Sprintf("%d of %d", n, len(r.Listings))
}

// displayStatus is a run's status as the page names it.
func displayStatus(r state.RunRecord) string {
	if r.Status == state.Running && !r.Alive {
		return "interrupted"
	}
	return r.Status
}
