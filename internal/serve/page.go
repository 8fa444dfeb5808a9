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
var pages embed.FS

// A screen is what the page shows.
type screen struct {
	Version   string
	At        time.Time
	Well      bool
	Incidents []incident
	Doing     []doing
	Jobs      []jobLine
	Charts    []chart
	Runs      []state.Record
	Fresh     []freshLine
	More      int // lines of Fresh that are left out
	MayRun    bool
	Servers   []server
	Waiting   int
	Tenant    string // the only one shown; empty: all
	Tenants   []string
}

// doing is a run under way.
type doing struct {
	activity
	Server string
}

// jobLine is a job for a tenant.
type jobLine struct {
	Job, Tenant, Schedule, Timezone string
	Next                            time.Time // zero: only when asked
	Last                            *state.Record
	Trouble                         string // kinds of incidents that are on
}

// freshLine is a listing of a tenant.
type freshLine struct {
	state.Freshness
	Proved time.Time // zero: never
	Old    bool
}

// What a page shows at most, for a person to find anything on it.
const (
	maxRuns  = 60
	maxFresh = 200
	maxJobs  = 200
)

// page answers with the status page. ?tenant=NAME shows one tenant alone.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	v, err := s.look(r.Context())
	if err != nil {
		s.Log.WarnContext(r.Context(), "the status page has nothing to show", "error", err)
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	tmpl, err := template.New("page.html").Funcs(template.FuncMap{
		"when": when, "age": age, "count": count, "seconds": seconds, "changed": changed, "proofs": proofs, "status": statusOf,
	}).ParseFS(pages, "page/page.html")
	var out bytes.Buffer
	if err == nil {
		err = tmpl.Execute(&out, s.screen(v, r.URL.Query().Get("tenant")))
	}
	if err != nil {
		s.Log.ErrorContext(r.Context(), "the status page could not be made", "error", err)
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = out.WriteTo(w) // fails when the reader is gone
}

func (s *Server) screen(v *view, tenant string) screen {
	cfg := s.current.Load()
	only := func(name string) bool { return tenant == "" || name == tenant }
	p := screen{
		Version: s.Version, At: v.At, MayRun: cfg.Serve.Token != "", Servers: v.Servers, Tenant: tenant,
		Waiting: v.Queue["available"] + v.Queue["retryable"] + v.Queue["scheduled"],
	}
	for _, t := range cfg.Tenants {
		p.Tenants = append(p.Tenants, t.Name)
	}
	for _, i := range v.Incidents {
		if only(i.Tenant) {
			p.Incidents = append(p.Incidents, i)
		}
	}
	p.Well = len(p.Incidents) == 0
	for _, one := range v.Servers {
		for _, a := range one.Doing {
			if only(a.Tenant) {
				p.Doing = append(p.Doing, doing{a, one.Name})
			}
		}
	}
	for _, run := range v.Runs {
		if only(run.Tenant) && len(p.Runs) < maxRuns {
			p.Runs = append(p.Runs, run)
		}
	}
	p.jobs(cfg, v, only)
	p.fresh(cfg, v, only)
	p.charts(v, only)
	return p
}

func (p *screen) jobs(cfg *config.Config, v *view, only func(string) bool) {
	for _, j := range cfg.Jobs {
		for _, t := range cfg.TenantsOf(j) {
			if !only(t.Name) || len(p.Jobs) == maxJobs {
				continue
			}
			line := jobLine{Job: j.Name, Tenant: t.Name, Schedule: j.Schedule, Timezone: j.Timezone}
			if j.Cron != nil {
				line.Next = j.Cron.Next(v.At)
			}
			at := slices.IndexFunc(v.Runs, func(r state.Record) bool { return r.Tenant == t.Name && r.Job == j.Name })
			if at >= 0 {
				line.Last = &v.Runs[at]
			}
			var kinds []string
			for _, i := range v.Incidents {
				if i.Job == j.Name && i.Tenant == t.Name {
					kinds = append(kinds, i.Kind)
				}
			}
			line.Trouble = strings.Join(kinds, ", ")
			p.Jobs = append(p.Jobs, line)
		}
	}
}

func (p *screen) fresh(cfg *config.Config, v *view, only func(string) bool) {
	for _, f := range v.Fresh {
		if !only(f.Tenant) {
			continue
		}
		line := freshLine{Freshness: f, Proved: provedAt(f)}
		for _, j := range cfg.Jobs {
			if j.MaxAge > 0 && j.Tenants.Has(f.Tenant) && j.Listings.Has(f.Listing) && v.At.Sub(line.Proved) > j.MaxAge {
				line.Old = true
			}
		}
		p.Fresh = append(p.Fresh, line)
	}
	slices.SortStableFunc(p.Fresh, func(a, b freshLine) int {
		if c := a.Proved.Truncate(time.Minute).Compare(b.Proved.Truncate(time.Minute)); c != 0 {
			return c
		}
		return strings.Compare(a.Tenant+" "+a.Listing, b.Tenant+" "+b.Listing)
	})
	if p.More = len(p.Fresh) - maxFresh; p.More > 0 {
		p.Fresh = p.Fresh[:maxFresh]
	}
}

// when is a time as the page writes it.
func when(v any) string {
	switch t := v.(type) {
	case time.Time:
		if !t.IsZero() {
			return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
		}
	case *time.Time:
		if t != nil {
			return when(*t)
		}
	}
	return "never"
}

// age is how long ago something was, in one unit.
func age(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	switch d := now.Sub(t); {
	case d < 0:
		return "in " + strings.TrimSuffix(age(t, now), " ago")
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

// count is a number with its thousands parted.
func count(v any) string {
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

func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// changed is how many rows a run changed.
func changed(r state.Record) int64 {
	var n int64
	for _, c := range r.Listings {
		n += c.Inserted + c.Updated + c.Deleted
	}
	return n
}

// proofs is how many listings of a run are proved, of how many.
func proofs(r state.Record) string {
	n := 0
	for _, c := range r.Listings {
		if c.Proof == "complete" || c.Proof == "unknown to server" {
			n++
		}
	}
	return fmt.Sprintf("%d of %d", n, len(r.Listings))
}

// statusOf is a run's status as the page names it.
func statusOf(r state.Record) string {
	if r.Status == state.Running && !r.Alive {
		return "interrupted"
	}
	return r.Status
}
