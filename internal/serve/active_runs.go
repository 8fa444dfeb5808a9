package serve

import (
	"maps"
	"slices"
	"sync"
	"time"

	"logto-syncer/internal/config"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
)

// activeRuns are the runs of this process: those under way, and those that
// have ended but whose job in the queue has not. They are found by the id of
// that job. The zero value is empty; it may be used concurrently.
type activeRuns struct {
	mu      sync.Mutex
	byJobID map[int64]*activeRun
}

// An activeRun is one run under way.
type activeRun struct {
	job, tenant string
	changes     bool // it reads changes
	startedAt   time.Time
	client      *logto.Client
	counted     bool // the run has ended and is in the metrics; its job has not ended

	mu        sync.Mutex
	lastSteps map[string]extract.Progress // the last step of each listing
	waiting   *logto.Waiting              // nil: no request waits for another attempt
}

func (d *activeRuns) add(id int64, job config.Job, tenant string, client *logto.Client) *activeRun {
	r := &activeRun{job: job.Name, changes: job.Read == config.ReadChanges, tenant: tenant, startedAt: time.Now(), client: client, lastSteps: map[string]extract.Progress{}}
	client.OnRetryWaiting(r.setRetryWaiting) // until the client is closed
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byJobID == nil {
		d.byJobID = map[int64]*activeRun{}
	}
	d.byJobID[id] = r
	return r
}

// markCounted marks a run as ended and counted in the metrics. Its job stays
// active until remove, because its result is not yet written.
func (d *activeRuns) markCounted(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, ok := d.byJobID[id]; ok {
		r.counted = true
	}
}

func (d *activeRuns) remove(id int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.byJobID, id)
}

// jobIDs returns the jobs this process works on; never nil, for SQL.
func (d *activeRuns) jobIDs() []int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.AppendSeq([]int64{}, maps.Keys(d.byJobID))
}

// runProgress is the progress of an active run, as it is stored with the
// heartbeat for the status pages of all processes.
type runProgress struct {
	Job          string    `json:"job"`
	Tenant       string    `json:"tenant"`
	Changes      bool      `json:"changes,omitempty"` // it reads changes
	StartedAt    time.Time `json:"started_at"`
	Requests     int64     `json:"requests"`
	Rows         int       `json:"rows"`
	ExpectedRows int       `json:"expected_rows"` // as far as is known
	Listing      string    `json:"listing"`       // the one with the most rows left; empty: none
	// Waiting is what the run waits for, such as "waiting: connection refused,
	// attempt 4"; empty: it does not wait.
	Waiting      string     `json:"waiting,omitempty"`
	WaitingSince *time.Time `json:"waiting_since,omitempty"`
}

// allProgress returns the progress of the runs under way.
func (d *activeRuns) allProgress() []runProgress {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]runProgress, 0, len(d.byJobID))
	for _, r := range d.byJobID {
		if !r.counted {
			all = append(all, r.progress())
		}
	}
	return all
}

// requestStatsByRun returns the requests of the runs under way, by tenant and job.
func (d *activeRuns) requestStatsByRun() map[[2]string]logto.Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := map[[2]string]logto.Stats{}
	for _, r := range d.byJobID {
		if !r.counted {
			all[[2]string{r.tenant, r.job}] = r.client.Stats()
		}
	}
	return all
}

func (r *activeRun) recordStep(step extract.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastSteps[step.Listing.Name] = step
}

func (r *activeRun) setRetryWaiting(w *logto.Waiting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = w
}

func (r *activeRun) progress() runProgress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := runProgress{Job: r.job, Tenant: r.tenant, Changes: r.changes, StartedAt: r.startedAt, Requests: r.client.Stats().Requests}
	if r.waiting != nil {
		p.Waiting, p.WaitingSince = r.waiting.String(), &r.waiting.Since
	}
	mostLeft := 0
	for name, step := range r.lastSteps {
		p.Rows += step.Items
		p.ExpectedRows += max(step.Items, step.Total)
		if left := step.Total - step.Items; left > mostLeft {
			p.Listing, mostLeft = name, left
		}
	}
	return p
}
