package config

import (
	"fmt"
	"net"
	"net/url"
	"time"
)

// Serve has the settings of syncer serve.
type Serve struct {
	// Address of the status page, the metrics and the probes. The default is
	// loopback: the page shows tenants' names to everybody who can reach it.
	Listen string `yaml:"listen,omitempty" jsonschema:"default=127.0.0.1:8077"`
	// How many tenants one process reads concurrently, 1 to 64.
	Workers int `yaml:"workers,omitempty" jsonschema:"minimum=1,maximum=64,default=3"`
	// Token that allows starting a job from the status page or with POST /run. Empty:
	// nobody can.
	Token Secret `yaml:"token,omitempty"`
	// A process that has sent no heartbeat for this long counts as dead, and another
	// process rescues its runs; at least 2s.
	RescueAfter time.Duration `yaml:"rescue_after,omitempty" jsonschema:"default=30s"`
	// Receiver of Logto's webhook deliveries. Each is a hint that starts the tenant's
	// job with read: changes. Empty: none.
	Webhook Webhook `yaml:"webhook,omitempty"`
}

// An Alert is an address that notifications are sent to.
type Alert struct {
	// URL to POST to, for example a Slack webhook. Empty: none.
	URL Secret `yaml:"url,omitempty"`
	// What to POST: json, everything as JSON; or slack, a text as Slack and compatible
	// services accept it.
	Form NotificationFormat `yaml:"form,omitempty" jsonschema:"enum=json,enum=slack,default=json"`
}

// Missed says what to do about a scheduled time that passed while no process was
// running.
type Missed string

// Values of Missed.
const (
	RunMissed  Missed = "run"
	SkipMissed Missed = "skip"
)

// NotificationFormat is the format of a notification.
type NotificationFormat string

// Values of Form.
const (
	JSONForm  NotificationFormat = "json"
	SlackForm NotificationFormat = "slack"
)

// minTokenLength keeps tokens from being guessed.
const minTokenLength = 16

func checkServe(d *decoder, s *Serve) {
	setDefault(d, "serve.listen", &s.Listen, "127.0.0.1:8077")
	d.reportUnless(isListenAddress(s.Listen), "serve.listen", "host:port such as 127.0.0.1:8077", "")
	setDefault(d, "serve.workers", &s.Workers, 3)
	d.reportUnless(s.Workers >= 1 && s.Workers <= maxConcurrency, "serve.workers", "1 to 64", "")
	if d.isValid("serve.token") && len(s.Token) < minTokenLength {
		d.report("serve.token", "must be 16 characters or more, is shorter", "create one with openssl rand -hex 16")
	}
	setDefault(d, "serve.rescue_after", &s.RescueAfter, 30*time.Second)
	d.reportUnless(s.RescueAfter >= 2*time.Second, "serve.rescue_after", "2s or longer", "")
}

func isListenAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

func checkAlerts(d *decoder, alerts []Alert) {
	for i := range alerts {
		a, path := &alerts[i], fmt.Sprintf("alerts[%d]", i)
		checkURL(d, path+".url", a.URL)
		checkWord(d, path+".form", &a.Form, JSONForm, SlackForm)
	}
}

// checkURL never quotes the address: whoever knows it can use it.
func checkURL(d *decoder, path string, address Secret) {
	if !d.isValid(path) {
		return
	}
	u, err := url.Parse(address.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		d.report(path, "must be an address that begins with https://", "")
	}
}

// checkWord uses the first word if none is set.
func checkWord[T ~string](d *decoder, path string, have *T, first, second T) {
	setDefault(d, path, have, first)
	d.reportUnless(*have == first || *have == second, path, fmt.Sprintf("%s or %s", first, second), "")
}

// checkJobServeSettings checks the settings of a job that only syncer serve uses.
func checkJobServeSettings(d *decoder, path string, j *Job) {
	checkWord(d, path+".missed", &j.Missed, RunMissed, SkipMissed)
	setDefault(d, path+".jitter", &j.Jitter, 30*time.Second)
	setDefault(d, path+".retries", &j.Retries, 3)
	d.reportUnless(j.Retries >= 0 && j.Retries <= 20, path+".retries", "0 to 20", "")
	for key, value := range map[string]time.Duration{"jitter": j.Jitter, "timeout": j.Timeout, "max_age": j.MaxAge} {
		d.reportUnless(value >= 0, path+"."+key, "0s or longer", "")
	}
	checkURL(d, path+".ping", j.Ping)
}
