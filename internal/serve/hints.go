package serve

import (
	"context"
	"sync"
	"time"
)

const (
	// hintDelay is how long a run waits after the delivery that hints at it: Logto
	// writes the log row that the run reads once the delivery is answered.
	hintDelay = 2 * time.Second
	// hintInterval is the least time between two runs of a tenant that deliveries
	// start.
	hintInterval = 5 * time.Second
)

// pendingHints are the tenants of which a delivery has arrived and for which no run is
// enqueued yet. However many deliveries arrive, there is one hint for a tenant.
// The zero value is empty; it may be used concurrently.
type pendingHints struct {
	mu       sync.Mutex
	byTenant map[string]*tenantHint
	arrived  chan struct{} // has an element if a hint has arrived since it was last emptied
}

// A tenantHint says when the first and the last delivery arrived that no run was
// enqueued for, and when a run was last enqueued. Without a delivery, first is
// zero.
type tenantHint struct{ first, last, enqueued time.Time }

func newPendingHints() *pendingHints {
	return &pendingHints{byTenant: map[string]*tenantHint{}, arrived: make(chan struct{}, 1)}
}

// add notes that a delivery of a tenant has arrived.
func (h *pendingHints) add(tenant string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.byTenant[tenant]
	if t == nil {
		t = &tenantHint{}
		h.byTenant[tenant] = t
	}
	t.last = now
	if !t.first.IsZero() {
		return
	}
	t.first = now
	select {
	case h.arrived <- struct{}{}:
	default:
	}
}

// runDueAt is when a run of the hint is to be enqueued.
func (t *tenantHint) runDueAt() time.Time {
	due := t.first.Add(hintDelay)
	if next := t.enqueued.Add(hintInterval); next.After(due) {
		return next
	}
	return due
}

// nextRunDueAt returns when the first run is to be enqueued; zero: there is no hint.
func (h *pendingHints) nextRunDueAt() (at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.byTenant {
		if due := t.runDueAt(); !t.first.IsZero() && (at.IsZero() || due.Before(at)) {
			at = due
		}
	}
	return at
}

// takeDueTenants returns the tenants whose runs are to be enqueued now, and takes their
// hints out. The hint of a delivery that has only just arrived stays: Logto may
// write its log row after the run has read them.
func (h *pendingHints) takeDueTenants(now time.Time) (tenants []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, t := range h.byTenant {
		if t.first.IsZero() || t.runDueAt().After(now) {
			continue
		}
		tenants = append(tenants, name)
		t.enqueued, t.first = now, time.Time{}
		if now.Sub(t.last) < hintDelay {
			t.first = t.last
		}
	}
	return tenants
}

// enqueueHintedRuns enqueues the runs that deliveries hint at, until ctx is
// done. A hint for which no run can be enqueued, because the database does not
// answer or a run is under way that may have read too early, is kept.
func (s *Server) enqueueHintedRuns(ctx context.Context) {
	for {
		var due <-chan time.Time
		if at := s.hints.nextRunDueAt(); !at.IsZero() {
			due = time.After(time.Until(at))
		}
		select {
		case <-ctx.Done():
			return
		case <-s.hints.arrived:
			continue
		case <-due:
		}
		s.enqueueDueHints(ctx, time.Now())
	}
}

func (s *Server) enqueueDueHints(ctx context.Context, now time.Time) {
	for _, tenant := range s.hints.takeDueTenants(now) {
		enqueued, err := s.enqueueChangesRuns(ctx, tenant)
		if err != nil {
			s.warnUnlessCanceled(ctx, "cannot enqueue the run that a webhook delivery hints at, trying again", err)
		}
		if !enqueued {
			s.hints.add(tenant, now)
		}
	}
}

// enqueueChangesRuns enqueues the jobs that read the changes of a tenant, to start
// at once. It reports false if one of them is running.
func (s *Server) enqueueChangesRuns(ctx context.Context, tenant string) (enqueued bool, err error) {
	enqueued = true
	for _, j := range s.currentConfig.Load().ChangesJobs(tenant) {
		running, err := s.enqueueRunsNow(ctx, j, tenant)
		if err != nil {
			return false, err
		}
		enqueued = enqueued && running == 0
	}
	return enqueued, nil
}
