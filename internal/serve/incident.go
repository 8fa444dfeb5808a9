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
	"logto-syncer/internal/pgquery"
)

// Kinds of incidents.
const (
	incidentFailed   = "failed"
	incidentUnproved = "unproved"
	incidentStale    = "stale"
)

// An incidentCheckResult is the result of a check of a job of a tenant: with a
// reason, an incident of the kind is open; without one, it is closed.
type incidentCheckResult struct{ job, tenant, kind, reason string }

// updateRunIncidents opens and closes incidents by the outcome of a run. What did
// not change sends no notification: not a retry that fails like the attempt
// before it.
func (s *Server) updateRunIncidents(ctx context.Context, j config.Job, t config.Tenant, summary mirror.Summary, cause error) error {
	var checks []incidentCheckResult
	switch {
	case cause != nil:
		checks = []incidentCheckResult{{j.Name, t.Name, incidentFailed, truncateToOneLine(cause.Error())}}
	case !summary.Proved():
		checks = []incidentCheckResult{{j.Name, t.Name, incidentFailed, ""}, {j.Name, t.Name, incidentUnproved, unprovedReason(summary)}}
	default:
		checks = []incidentCheckResult{{j.Name, t.Name, incidentFailed, ""}, {j.Name, t.Name, incidentUnproved, ""}}
	}
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if err := s.updateIncidents(ctx, tx, checks); err != nil {
			return err
		}
		return s.enqueueJobPing(ctx, tx, j, checks[len(checks)-1].reason)
	})
	if err != nil {
		return fmt.Errorf("record the outcome of the run: %w", err)
	}
	return nil
}

func (s *Server) updateIncidents(ctx context.Context, tx pgx.Tx, checks []incidentCheckResult) error {
	for _, c := range checks {
		if err := s.updateIncident(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}

// updateIncident opens or closes an incident. If that changes anything, it puts
// the notifications into the queue in the same transaction, so that each is
// sent once.
func (s *Server) updateIncident(ctx context.Context, tx pgx.Tx, c incidentCheckResult) error {
	n := notification{Kind: c.kind, Job: c.job, Tenant: c.tenant, Reason: c.reason, Event: "opened"}
	statement, args := "open_incident", []any{c.tenant, c.job, c.kind, c.reason}
	if c.reason == "" {
		n.Event, statement, args = "closed", "close_incident", args[:3]
	}
	err := tx.QueryRow(ctx, sqlFile(statement), args...).Scan(&n.Incident, &n.Since, &n.Reason)
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
			return fmt.Errorf("enqueue a notification: %w", err)
		}
	}
	return nil
}

// enqueueJobPing enqueues a request of the job's ping address, which stands for
// all tenants of the job: it reports success only if none has an open incident.
func (s *Server) enqueueJobPing(ctx context.Context, tx pgx.Tx, j config.Job, reason string) error {
	if j.Ping == "" {
		return nil
	}
	failing, err := pgquery.Value[bool](ctx, tx, "look for open incidents",
		"select exists (select from syncer.incidents where job = $1 and kind <> 'stale' and closed_at is null)", j.Name)
	if err != nil {
		return err
	}
	args := notificationArgs{Ping: true, Notification: notification{Job: j.Name, Reason: reason, Event: "closed"}}
	if failing {
		args.Notification.Event = "opened"
	}
	if _, err := s.queue.InsertTx(ctx, tx, args, notificationInsertOptions()); err != nil {
		return fmt.Errorf("enqueue a ping: %w", err)
	}
	return nil
}

// unprovedReason says which listings are not proved, and why.
func unprovedReason(summary mirror.Summary) string {
	var parts []string
	for _, c := range summary.Listings {
		if c.Proof == "not proved" || c.Proof == "failed" {
			parts = append(parts, c.Listing+" is "+c.Proof+": "+truncateToOneLine(c.Reason))
		}
	}
	if len(parts) == 0 {
		return "not every listing is proved"
	}
	return strings.Join(parts, "; ")
}

// maxReasonBytes bounds a reason to what one can read on a phone.
const maxReasonBytes = 600

func truncateToOneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	if len(text) > maxReasonBytes {
		text = strings.ToValidUTF8(text[:maxReasonBytes], "") + "…"
	}
	return text
}

// A notification tells that an incident was opened or closed. Its JSON form is
// the body of the POST request to an alert's address.
type notification struct {
	Type     string    `json:"type"`  // "incident"
	Event    string    `json:"event"` // opened or closed
	Incident int64     `json:"incident"`
	Kind     string    `json:"kind"` // failed, unproved or stale
	Tenant   string    `json:"tenant"`
	Job      string    `json:"job"`
	Reason   string    `json:"reason"` // why the incident was opened
	Remedy   string    `json:"remedy,omitempty"`
	Since    time.Time `json:"since"`
}

// incidentRemedy says what to do about a kind of incident.
func incidentRemedy(kind, job string) string {
	switch kind {
	case incidentFailed:
		return "The run is repeated automatically. syncer check finds problems of access and of the database; docs/operations.md lists the others. To run it now: syncer run " + job
	case incidentUnproved:
		return "The rows that were read are published; no row was deleted where the proof is missing. The next run proves the listing if the tenant does not change meanwhile. To run it now: syncer run " + job
	case incidentStale:
		return "Check whether the runs of the job start and how they end: syncer status"
	}
	return ""
}

func notificationInsertOptions() *river.InsertOpts {
	return &river.InsertOpts{Queue: maintenanceQueue, MaxAttempts: maxNotificationAttempts}
}
