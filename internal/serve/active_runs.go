package serve

import (
	"sync"
	"time"

	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
)

// A activeRuns is what this process is at: the runs under way, and those whose end
// is being told, by the id of their job in the queue. Its zero value is empty;
// it may be used concurrently.
type activeRuns struct {
	mu      sync.Mutex
	byJobID map[int64]*activeRun
}

// A activeRun is one run under way.
type activeRun struct {
	job, tenant string
	startedAt   time.Time
	client      *logto.Client
	counted     bool // the run is over and in the metrics, its job is not over yet

	mu        sync.Mutex
	lastSteps map[string]extract.Step // the last step of each listing
}

func (d *activeRuns) add(id int64, job, tenant string, client *logto.Client) *activeRun {
	s := &activeRun{job: job, tenant: tenant, startedAt: time.Now(), client: client, lastSteps: map[string]extract.Step{}}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byJobID == nil {
		d.byJobID = map[int64]*activeRun{}
	}
	d.byJobID[id] = s
	return s
}

// markCounted makes a run one that is over. The job stays at the desk until rise:
// its end has still to be told.
func (d *activeRuns) markCounted(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.byJobID[id]; ok {
		s.counted = true
	}
}

func (d *activeRuns) remove(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byJobID, id)
}

// jobIDs returns the jobs this process is at; never nil, for SQL.
func (d *activeRuns) jobIDs() []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := make([]int64, 0, len(d.byJobID))
	for id := range d.byJobID {
		ids = append(ids, id)
	}
	return ids
}

// An runProgress is a run under way, as other processes are told of it.
type runProgress struct {
	Job      string    `json:"job"`
	Tenant   string    `json:"tenant"`
	Since    time.Time `json:"since"`
	Requests int64     `json:"requests"`
	Rows     int       `json:"rows"`
	Expected int       `json:"expected"` // rows, as far as is known
	Listing  string    `json:"listing"`  // the one that goes on at the moment; empty: none yet, or several are done
}

// progress returns what this process is at.
func (d *activeRuns) progress() []runProgress {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]runProgress, 0, len(d.byJobID))
	for _, s := range d.byJobID {
		if !s.counted {
			all = append(all, s.progress())
		}
	}
	return all
}

// requestStats returns what the runs under way have cost so far, by tenant and job.
func (d *activeRuns) requestStats() map[[2]string]logto.Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[[2]string]logto.Stats{}
	for _, s := range d.byJobID {
		if !s.counted {
			all[[2]string{s.tenant, s.job}] = s.client.Stats()
		}
	}
	return all
}

func (s *activeRun) recordStep(step extract.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastSteps[step.Listing.Name] = step
}

func (s *activeRun) progress() runProgress {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := runProgress{Job: s.job, Tenant: s.tenant, Since: s.startedAt, Requests: s.client.Stats().Requests}
	left := 0
	for name, step := range s.lastSteps {
		a.Rows += step.Items
		a.Expected += max(step.Items, step.Total)
		if more := step.Total - step.Items; more > left {
			a.Listing, left = name, more
		}
	}
	return a
}
