package mirror

import (
	"context"
	"fmt"
	"maps"
	"math"
	"net/url"

	"github.com/jackc/pgx/v5/pgxpool"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/load"
	"logto-syncer/internal/logto"
)

// A Plan says what a run of a job would ask of the API. It is an estimate: a
// listing that changes under its walk takes more.
type Plan struct {
	Type     string     `json:"type"` // "plan"
	Tenant   string     `json:"tenant"`
	Job      string     `json:"job,omitempty"` // that reads changes; "" of jobs that read everything
	Requests int        `json:"requests"`
	AtLeast  bool       `json:"at_least"` // Requests may be more
	Seconds  float64    `json:"seconds"`  // Requests at the limit; 0 without one
	Listings []Estimate `json:"listings"`
	Note     string     `json:"note,omitempty"` // why there is nothing to plan
}

// An Estimate is what one listing would take, all its parents together.
type Estimate struct {
	Listing  string       `json:"listing"`
	Walk     catalog.Walk `json:"walk"`
	Total    *int         `json:"total"` // nil: to be known only by reading it
	Requests int          `json:"requests"`
	AtLeast  bool         `json:"at_least"`
	Seconds  float64      `json:"seconds"`
	Note     string       `json:"note,omitempty"`
}

// Plan asks for the totals of the job's listings, a request or two each, and
// reckons from them and from what the mirror knows. It writes nothing. Without
// a Pool the mirror knows nothing.
func (r *Runner) Plan(ctx context.Context, job Job, limit logto.RateLimit) (Plan, error) {
	p := &planner{api: r.Client, probe: NewListingProber(r.Client), job: job, pool: r.Pool, parents: map[string]parentListingCount{}}
	if r.Pool != nil && !job.Afresh {
		var err error
		if p.known, err = load.Open(ctx, r.Pool, job.Tenant, catalog.All()); err != nil {
			return Plan{}, err
		}
	}
	plan := Plan{Type: "plan", Tenant: job.Tenant, Listings: []Estimate{}}
	if job.Changes {
		plan.Job = job.Name
	}
	estimates, err := p.estimateAll(ctx)
	if err != nil {
		return Plan{}, err
	}
	for _, e := range estimates {
		e.Seconds = secondsAtLimit(limit, e.Requests)
		plan.Requests += e.Requests
		plan.AtLeast = plan.AtLeast || e.AtLeast
		plan.Listings = append(plan.Listings, e)
	}
	plan.Seconds = secondsAtLimit(limit, plan.Requests)
	return plan, nil
}

// estimateAll estimates the parts of the job.
func (p *planner) estimateAll(ctx context.Context) (out []Estimate, err error) {
	if p.job.Changes {
		return p.estimateChanges(ctx)
	}
	for _, l := range p.job.Listings {
		e, err := p.estimate(ctx, l)
		if err != nil {
			return nil, fmt.Errorf("plan %s: %w", l.Name, err)
		}
		out = append(out, e)
	}
	return out, nil
}

func secondsAtLimit(limit logto.RateLimit, requests int) float64 {
	if limit.Requests == 0 {
		return 0
	}
	return math.Round(float64(requests)*limit.Per.Seconds()/float64(limit.Requests)*10) / 10
}

// planner plans the listings of one job, parents before their children.
type planner struct {
	api     extract.API
	probe   *ListingProber // for listings that an older server may not have
	job     Job
	known   *load.Loader // nil: the mirror knows nothing
	pool    *pgxpool.Pool
	parents map[string]parentListingCount
}

// parentListingCount is what a plan knows of the items of a listing that others have for
// parents.
type parentListingCount struct {
	number  int
	unknown bool // the server does not know the listing
}

func (p *planner) estimate(ctx context.Context, l *catalog.Listing) (Estimate, error) {
	if l.Parent != "" {
		return p.estimatePerParent(ctx, l)
	}
	if l.Walk == catalog.Window {
		return p.estimateWindow(ctx, l)
	}
	total, err := p.fetchTotal(ctx, l, nil)
	if l.Since != "" && logto.IsUnknownPath(err) {
		p.parents[l.Name] = parentListingCount{unknown: true}
		return estimateUnsupported(l), nil
	}
	if err != nil {
		return Estimate{}, err
	}
	p.parents[l.Name] = parentListingCount{number: total}
	known, err := p.countMirroredBelowParent(ctx, l, "")
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{Listing: l.Name, Total: &total}
	e.Walk, e.Requests = estimateListRequests(l, total, known)
	return e, nil
}

// fetchTotal asks for one row of a list and returns how many there are.
func (p *planner) fetchTotal(ctx context.Context, l *catalog.Listing, filter url.Values) (int, error) {
	query := url.Values{"page": {"1"}, "page_size": {"1"}}
	maps.Copy(query, l.Query)
	maps.Copy(query, filter)
	api := p.api
	if l.Since != "" {
		api = p.probe.api
	}
	page, err := api.List(ctx, l.Path, query)
	if err != nil {
		return 0, err
	}
	return max(page.Total, len(page.Items)), nil // without a total, it came whole
}

// countMirroredBelowParent returns how many items the mirror has below a parent.
func (p *planner) countMirroredBelowParent(ctx context.Context, l *catalog.Listing, parent string) (int, error) {
	if p.known == nil || l.Walk != catalog.Split {
		return 0, nil
	}
	return p.known.CountBelowParent(ctx, l, parent)
}

const perPage = 100

// estimateListRequests reckons the requests of one list of so many items. The figures are
// those of package extract.
func estimateListRequests(l *catalog.Listing, total, known int) (catalog.Walk, int) {
	pages := (total + perPage - 1) / perPage
	switch {
	case l.Walk == catalog.Whole || total < perPage && known < perPage:
		return l.Walk, 1
	case l.Walk == catalog.Pages: // a look, and two readings, each to a page that is not full
		return l.Walk, 1 + 2*(total/perPage+1)
	case l.Walk == catalog.Split && known < perPage && l.NewestFirst && total > 5*perPage: // ranges of 20 pages, a count and half a page more each
		return l.Walk, 3 + total/perPage + 3*(total/(20*perPage)+1)/2
	case l.Walk == catalog.Split && known < perPage: // ranges of 80 on average, one in twelve divided again
		return l.Walk, 1 + int(math.Ceil(float64(total)/80*1.09))
	case l.Walk != catalog.Split:
		return l.Walk, max(1, pages)
	}
	batch := perPage
	if l.CountOnly {
		batch = 300
	}
	requests := 1 + (known+batch-1)/batch + (max(0, total-known)+perPage-1)/perPage
	if l.Parent != "" { // counted again
		requests++
	}
	if known >= 2000 { // totals by range, and of irregular ids
		requests += int(math.Sqrt(float64(known)/80)) + 1
	}
	return catalog.Refresh, requests
}
