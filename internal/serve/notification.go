package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"logto-syncer/internal/config"
)

// notificationArgs are the arguments of a job that sends a notification. They
// hold no address: addresses are secrets, and stay in the configuration.
type notificationArgs struct {
	AlertIndex   int          `json:"alert_index"` // into the configuration's alerts, unless it is a ping
	Ping         bool         `json:"ping"`
	Notification notification `json:"notification"`
}

// Kind implements river.JobArgs.
func (notificationArgs) Kind() string { return "notification" }

type notificationWorker struct {
	river.WorkerDefaults[notificationArgs]
	server *Server
}

// Timeout bounds one attempt.
func (w *notificationWorker) Timeout(*river.Job[notificationArgs]) time.Duration {
	return 30 * time.Second
}

// maxNotificationAttempts take more than an hour, by the pauses of NextRetry.
const maxNotificationAttempts = 12

// NextRetry doubles the pause from two seconds on.
func (w *notificationWorker) NextRetry(job *river.Job[notificationArgs]) time.Time {
	return time.Now().Add(2 * time.Second << min(max(job.Attempt-1, 0), 11))
}

// Work sends the notification.
func (w *notificationWorker) Work(ctx context.Context, job *river.Job[notificationArgs]) error {
	cfg := w.server.currentConfig.Load()
	r, err := newNotificationRequest(ctx, cfg, job.Args)
	if r == nil || err != nil {
		return err
	}
	r.Header.Set("User-Agent", "logto-syncer")
	err = sendRequest(r)
	if err != nil {
		w.server.Log.WarnContext(ctx, "cannot send notification", "incident", job.Args.Notification.Incident, "attempt", job.Attempt, "error", err)
	}
	return err
}

// newNotificationRequest returns the request to send; nil if the configuration
// no longer has its address.
func newNotificationRequest(ctx context.Context, cfg *config.Config, args notificationArgs) (*http.Request, error) {
	n := args.Notification
	if args.Ping {
		j, ok := cfg.Job(n.Job)
		if !ok || j.Ping == "" {
			return nil, nil
		}
		address := strings.TrimRight(j.Ping.Reveal(), "/")
		if n.Event == "opened" {
			address += "/fail"
		}
		return newPostRequest(ctx, address, "text/plain; charset=utf-8", []byte(n.Reason))
	}
	if args.AlertIndex >= len(cfg.Alerts) || cfg.Alerts[args.AlertIndex].URL == "" {
		return nil, nil
	}
	n.Type = "incident"
	if n.Event == "opened" {
		n.Remedy = incidentRemedy(n.Kind, n.Job)
	}
	var payload any = n
	if cfg.Alerts[args.AlertIndex].Form == config.SlackForm {
		payload = map[string]string{"text": slackText(n)}
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return nil, fmt.Errorf("encode a notification: %w", err)
	}
	return newPostRequest(ctx, cfg.Alerts[args.AlertIndex].URL.Reveal(), "application/json", body)
}

func newPostRequest(ctx context.Context, address, contentType string, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the address of an alert is not a URL") // err would show the address
	}
	r.Header.Set("Content-Type", contentType)
	return r, nil
}

// sendRequest sends a request. Its errors do not show the address.
func sendRequest(r *http.Request) error {
	client := http.Client{Transport: http.DefaultTransport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if err != nil {
		return fmt.Errorf("send a notification: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection is used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("send a notification: the response status is %d", answer.StatusCode)
	}
	return nil
}

// slackText is a notification as a Slack message. Characters that Slack would
// read as markup are escaped.
func slackText(n notification) string {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	problem := map[string]string{incidentFailed: "failed", incidentUnproved: "is not proved", incidentStale: "is stale"}[n.Kind]
	if n.Event == "closed" {
		return fmt.Sprintf(":white_check_mark: *%s* of *%s* has recovered (%s since %s)", escape(n.Job), escape(n.Tenant),
			map[string]string{incidentFailed: "failing", incidentUnproved: "not proved", incidentStale: "stale"}[n.Kind], n.Since.UTC().Format("2006-01-02 15:04 MST"))
	}
	return fmt.Sprintf(":rotating_light: *%s* of *%s* %s\n%s\n_What to do:_ %s", escape(n.Job), escape(n.Tenant), problem, escape(n.Reason), escape(n.Remedy))
}
