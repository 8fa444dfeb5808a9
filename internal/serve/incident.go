package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"logto-syncer/internal/config"
	"logto-syncer/internal/mirror"
)

// The kinds of incidents.
const (
	incidentFailed   = "failed"
	incidentUnproved = "unproved"
	incidentStale    = "stale"
)

// An incidentCheck is what was found about a job of a tenant: with a reason, an
// incident of the kind is on; without, it is over.
type incidentCheck struct{ job, tenant, kind, reason string }

// recordOutcome notes what a run came to, and has everybody told who wants to be.
// Where nothing changed, nobody is: a retry that fails as the try before did
// is no news.
func (s *Server) recordOutcome(ctx context.Context, j config.Job, t config.Tenant, summary mirror.Summary, cause error) error {
	var events []incidentCheck
	switch {
	case cause != nil:
		events = []incidentCheck{{j.Name, t.Name, incidentFailed, oneLine(cause.Error())}}
	case !summary.Proved():
		events = []incidentCheck{{j.Name, t.Name, incidentFailed, ""}, {j.Name, t.Name, incidentUnproved, unprovedReason(summary)}}
	default:
		events = []incidentCheck{{j.Name, t.Name, incidentFailed, ""}, {j.Name, t.Name, incidentUnproved, ""}}
	}
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		for _, e := range events {
			if err := s.updateIncident(ctx, tx, e); err != nil {
				return err
			}
		}
		return s.enqueuePing(ctx, tx, j, events[len(events)-1].reason)
	})
	if err != nil {
		return fmt.Errorf("note what came of the run: %w", err)
	}
	return nil
}

// updateIncident opens or closes one and, if that changes anything, puts the alerts
// into the queue in the same transaction: told once, however often it is found.
func (s *Server) updateIncident(ctx context.Context, tx pgx.Tx, e incidentCheck) error {
	n := notification{Kind: e.kind, Job: e.job, Tenant: e.tenant, Reason: e.reason, Event: "opened"}
	var err error
	if e.reason != "" {
		err = tx.QueryRow(ctx, sqlFile("open_incident"), e.tenant, e.job, e.kind, e.reason).Scan(&n.Incident, &n.Since, &n.Reason)
	} else {
		n.Event = "closed"
		err = tx.QueryRow(ctx, sqlFile("close_incident"), e.tenant, e.job, e.kind).Scan(&n.Incident, &n.Since, &n.Reason)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write an incident: %w", err)
	}
	s.overviewCache.invalidate()
	for i, alert := range s.currentConfig.Load().Alerts {
		if alert.URL == "" {
			continue
		}
		if _, err := s.queue.InsertTx(ctx, tx, notificationArgs{AlertIndex: i, Notification: n}, notificationInsertOptions()); err != nil {
			return fmt.Errorf("put an alert into the queue: %w", err)
		}
	}
	return nil
}

// enqueuePing has the job's address asked: its success only if no other tenant of
// the job is in trouble, for one address stands for all of them.
func (s *Server) enqueuePing(ctx context.Context, tx pgx.Tx, j config.Job, reason string) error {
	if j.Ping == "" {
		return nil
	}
	var trouble bool
	err := tx.QueryRow(ctx, "select exists (select from syncer.incidents where job = $1 and kind <> 'stale' and closed_at is null)", j.Name).Scan(&trouble)
	if err != nil {
		return fmt.Errorf("look for open incidents: %w", err)
	}
	args := notificationArgs{Ping: true, Notification: notification{Job: j.Name, Reason: reason, Event: "closed"}}
	if trouble {
		args.Notification.Event = "opened"
	}
	if _, err := s.queue.InsertTx(ctx, tx, args, notificationInsertOptions()); err != nil {
		return fmt.Errorf("put a ping into the queue: %w", err)
	}
	return nil
}

// unprovedReason says which listings are not, and why.
func unprovedReason(summary mirror.Summary) string {
	var parts []string
	for _, c := range summary.Listings {
		if c.Proof == "not proved" || c.Proof == "failed" {
			parts = append(parts, c.Listing+" is "+c.Proof+": "+oneLine(c.Reason))
		}
	}
	if len(parts) == 0 {
		return "not everything could be proved"
	}
	return strings.Join(parts, "; ")
}

// maxReasonBytes is how long a reason may be, in bytes, for somebody to read it on
// a phone.
const maxReasonBytes = 600

func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	if len(text) > maxReasonBytes {
		text = strings.ToValidUTF8(text[:maxReasonBytes], "") + "…"
	}
	return text
}

// A notification is what an alert says; as JSON it is what is POSTed.
type notification struct {
	Type     string    `json:"type"`  // "incident"
	Event    string    `json:"event"` // opened or closed
	Incident int64     `json:"incident"`
	Kind     string    `json:"kind"` // failed, unproved or stale
	Tenant   string    `json:"tenant"`
	Job      string    `json:"job"`
	Reason   string    `json:"reason"` // why it was opened
	Remedy   string    `json:"to_do,omitempty"`
	Since    time.Time `json:"since"`
}

// incidentRemedy says what to do about an incident.
func incidentRemedy(kind, job string) string {
	switch kind {
	case incidentFailed:
		return "it is tried again by itself; syncer check names what is wrong with access or database, and docs/operations.md what else it can be. To try now: syncer run " + job
	case incidentUnproved:
		return "what was read is published and nothing was deleted where the proof is missing; the next run proves it if the tenant rests for a moment. To try now: syncer run " + job
	case incidentStale:
		return "look whether its runs start, and what they end with: syncer status"
	}
	return ""
}

func notificationInsertOptions() *river.InsertOpts {
	return &river.InsertOpts{Queue: maintenanceQueue, MaxAttempts: 12}
}
