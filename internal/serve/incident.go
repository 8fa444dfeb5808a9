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
	failed   = "failed"
	unproved = "unproved"
	stale    = "stale"
)

// An event is what was found about a job of a tenant: with a reason, an
// incident of the kind is on; without, it is over.
type event struct{ job, tenant, kind, reason string }

// tell notes what a run came to, and has everybody told who wants to be.
// Where nothing changed, nobody is: a retry that fails as the try before did
// is no news.
func (s *Server) tell(ctx context.Context, j config.Job, t config.Tenant, summary mirror.Summary, cause error) error {
	var events []event
	switch {
	case cause != nil:
		events = []event{{j.Name, t.Name, failed, oneLine(cause.Error())}}
	case !summary.Proved():
		events = []event{{j.Name, t.Name, failed, ""}, {j.Name, t.Name, unproved, notProved(summary)}}
	default:
		events = []event{{j.Name, t.Name, failed, ""}, {j.Name, t.Name, unproved, ""}}
	}
	err := pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		for _, e := range events {
			if err := s.incident(ctx, tx, e); err != nil {
				return err
			}
		}
		return s.ping(ctx, tx, j, events[len(events)-1].reason)
	})
	if err != nil {
		return fmt.Errorf("note what came of the run: %w", err)
	}
	return nil
}

// incident opens or closes one and, if that changes anything, puts the alerts
// into the queue in the same transaction: told once, however often it is found.
func (s *Server) incident(ctx context.Context, tx pgx.Tx, e event) error {
	n := notice{Kind: e.kind, Job: e.job, Tenant: e.tenant, Reason: e.reason, Event: "opened"}
	var err error
	if e.reason != "" {
		err = tx.QueryRow(ctx, query("incident_open"), e.tenant, e.job, e.kind, e.reason).Scan(&n.Incident, &n.Since, &n.Reason)
	} else {
		n.Event = "closed"
		err = tx.QueryRow(ctx, query("incident_close"), e.tenant, e.job, e.kind).Scan(&n.Incident, &n.Since, &n.Reason)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write an incident: %w", err)
	}
	s.glance.forget()
	for i, alert := range s.current.Load().Alerts {
		if alert.URL == "" {
			continue
		}
		if _, err := s.river.InsertTx(ctx, tx, noticeArgs{Alert: i, Notice: n}, noticeOptions()); err != nil {
			return fmt.Errorf("put an alert into the queue: %w", err)
		}
	}
	return nil
}

// ping has the job's address asked: its success only if no other tenant of
// the job is in trouble, for one address stands for all of them.
func (s *Server) ping(ctx context.Context, tx pgx.Tx, j config.Job, reason string) error {
	if j.Ping == "" {
		return nil
	}
	var trouble bool
	err := tx.QueryRow(ctx, "select exists (select from syncer.incidents where job = $1 and kind <> 'stale' and closed_at is null)", j.Name).Scan(&trouble)
	if err != nil {
		return fmt.Errorf("look for open incidents: %w", err)
	}
	args := noticeArgs{Ping: true, Notice: notice{Job: j.Name, Reason: reason, Event: "closed"}}
	if trouble {
		args.Notice.Event = "opened"
	}
	if _, err := s.river.InsertTx(ctx, tx, args, noticeOptions()); err != nil {
		return fmt.Errorf("put a ping into the queue: %w", err)
	}
	return nil
}

// notProved says which listings are not, and why.
func notProved(summary mirror.Summary) string {
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

// maxReason is how long a reason may be, in bytes, for somebody to read it on
// a phone.
const maxReason = 600

func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "\ufffd")), " ")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}

// A notice is what an alert says; as JSON it is what is POSTed.
type notice struct {
	Type     string    `json:"type"`  // "incident"
	Event    string    `json:"event"` // opened or closed
	Incident int64     `json:"incident"`
	Kind     string    `json:"kind"` // failed, unproved or stale
	Tenant   string    `json:"tenant"`
	Job      string    `json:"job"`
	Reason   string    `json:"reason"` // why it was opened
	ToDo     string    `json:"to_do,omitempty"`
	Since    time.Time `json:"since"`
}

// toDo says what to do about an incident.
func toDo(kind, job string) string {
	switch kind {
	case failed:
		return "it is tried again by itself; syncer check names what is wrong with access or database, and docs/operations.md what else it can be. To try now: syncer run " + job
	case unproved:
		return "what was read is published and nothing was deleted where the proof is missing; the next run proves it if the tenant rests for a moment. To try now: syncer run " + job
	case stale:
		return "look whether its runs start, and what they end with: syncer status"
	}
	return ""
}

func noticeOptions() *river.InsertOpts {
	return &river.InsertOpts{Queue: queueOfChores, MaxAttempts: 12}
}
