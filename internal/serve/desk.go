package serve

import (
	"sync"
	"time"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
)

// A desk is what this process is at: the runs under way, and those whose end
// is being told, by the id of their job in the queue. Its zero value is empty;
// it may be used concurrently.
type desk struct {
	mu    sync.Mutex
	seats map[int64]*seat
}

// A seat is one run under way.
type seat struct {
	job, tenant string
	since       time.Time
	client      *logto.Client
	counted     bool // the run is over and in the metrics, its job is not over yet

	mu      sync.Mutex
	listing map[string]extract.Step // the last step of each listing
}

func (d *desk) sit(id int64, job, tenant string, client *logto.Client) *seat {
	s := &seat{job: job, tenant: tenant, since: time.Now(), client: client, listing: map[string]extract.Step{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.seats == nil {
		d.seats = map[int64]*seat{}
	}
	d.seats[id] = s
	return s
}

// count makes a run one that is over. The job stays at the desk until rise:
// its end has still to be told.
func (d *desk) count(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.seats[id]; ok {
		s.counted = true
	}
}

func (d *desk) rise(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.seats, id)
}

// ids returns the jobs this process is at; never nil, for SQL.
func (d *desk) ids() []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := make([]int64, 0, len(d.seats))
	for id := range d.seats {
		ids = append(ids, id)
	}
	return ids
}

// An activity is a run under way, as other processes are told of it.
type activity struct {
	Job      string    `json:"job"`
	Tenant   string    `json:"tenant"`
	Since    time.Time `json:"since"`
	Requests int64     `json:"requests"`
	Rows     int       `json:"rows"`
	Expected int       `json:"expected"` // rows, as far as is known
	Listing  string    `json:"listing"`  // the one that goes on at the moment; empty: none yet, or several are done
}

// activities returns what this process is at.
func (d *desk) activities() []activity {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]activity, 0, len(d.seats))
	for _, s := range d.seats {
		if !s.counted {
			all = append(all, s.activity())
		}
	}
	return all
}

// stats returns what the runs under way have cost so far, by tenant and job.
func (d *desk) stats() map[[2]string]logto.Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[[2]string]logto.Stats{}
	for _, s := range d.seats {
		if !s.counted {
			all[[2]string{s.tenant, s.job}] = s.client.Stats()
		}
	}
	return all
}

func (s *seat) step(step extract.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listing[step.Listing.Name] = step
}

func (s *seat) activity() activity {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := activity{Job: s.job, Tenant: s.tenant, Since: s.since, Requests: s.client.Stats().Requests}
	left := 0
	for name, step := range s.listing {
		a.Rows += step.Items
		a.Expected += max(step.Items, step.Total)
		if more := step.Total - step.Items; more > left {
			a.Listing, left = name, more
		}
	}
	return a
}
