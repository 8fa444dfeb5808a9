package config

import (
	"fmt"
	"net"
	"net/url"
	"time"
)

// Serve is what syncer serve does besides running jobs.
type Serve struct {
	// The address of the status page, the metrics and the probes. Loopback
	// unless you say otherwise: the page shows tenants' names to everybody who
	// can reach it.
	Listen string `yaml:"listen,omitempty" jsonschema:"default=127.0.0.1:8077"`
	// How many tenants one process reads at once, 1 to 64.
	Workers int `yaml:"workers,omitempty" jsonschema:"minimum=1,maximum=64,default=3"`
	// Whoever has this token may start a job from the status page or by POST
	// /run. Empty: nobody.
	Token Secret `yaml:"token,omitempty"`
	// The runs of a process that has sent no heartbeat for this long are rescued:
	// another process resumes them. At least 2s.
	RescueAfter time.Duration `yaml:"rescue_after,omitempty" jsonschema:"default=30s"`
}

// An Alert is an address that is told of incidents.
type Alert struct {
	// Where to POST, for example a Slack webhook. Empty: nowhere.
	URL Secret `yaml:"url,omitempty"`
	// What to POST: json, all there is to say as JSON, or slack, a text as
	// Slack and what is compatible with it take it.
	Form Form `yaml:"form,omitempty" jsonschema:"enum=json,enum=slack,default=json"`
}

// Missed is what becomes of a time nobody was there for.
type Missed string

// What Missed can be.
const (
	RunMissed  Missed = "run"
	SkipMissed Missed = "skip"
)

// Form is how an alert is written.
type Form string

// What Form can be.
const (
	JSONForm  Form = "json"
	SlackForm Form = "slack"
)

// minTokenLength keeps tokens from being guessed.
const minTokenLength = 16

func checkServe(d *decoder, s *Serve) {
	if !d.is("serve.listen").set {
		s.Listen = "127.0.0.1:8077"
	} else if _, port, err := net.SplitHostPort(s.Listen); d.ok("serve.listen") && (err != nil || port == "") {
		d.report("serve.listen", "want host:port such as 127.0.0.1:8077, have "+d.have("serve.listen"), "")
	}
	if !d.is("serve.workers").set {
		s.Workers = 3
	}
	if d.ok("serve.workers") && (s.Workers < 1 || s.Workers > maxConcurrency) {
		d.report("serve.workers", "want 1 to 64, have "+d.have("serve.workers"), "")
	}
	if d.ok("serve.token") && len(s.Token) < minTokenLength {
		d.report("serve.token", "want 16 characters or more, have fewer", "make one: openssl rand -hex 16")
	}
	if !d.is("serve.rescue_after").set {
		s.RescueAfter = 30 * time.Second
	}
	if d.ok("serve.rescue_after") && s.RescueAfter < 2*time.Second {
		d.report("serve.rescue_after", "want 2s or longer, have "+d.have("serve.rescue_after"), "")
	}
}

func checkAlerts(d *decoder, alerts []Alert) {
	for i := range alerts {
		a, path := &alerts[i], fmt.Sprintf("alerts[%d]", i)
		checkURL(d, path+".url", a.URL)
		checkWord(d, path+".form", &a.Form, JSONForm, SlackForm)
	}
}

// checkURL never repeats what was wrong: who knows the address may use it.
func checkURL(d *decoder, path string, address Secret) {
	if !d.ok(path) {
		return
	}
	u, err := url.Parse(address.Reveal())
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		d.report(path, "want an address that begins with https://, have another form", "")
	}
}

// checkWord takes the first word for one that is missing.
func checkWord[T ~string](d *decoder, path string, have *T, first, second T) {
	if !d.is(path).set {
		*have = first
	}
	if d.ok(path) && *have != first && *have != second {
		d.report(path, fmt.Sprintf("want %s or %s, have %s", first, second, d.have(path)), "")
	}
}

// checkServing checks what a job has for syncer serve alone.
func checkServing(d *decoder, path string, j *Job) {
	checkWord(d, path+".missed", &j.Missed, RunMissed, SkipMissed)
	if !d.is(path + ".jitter").set {
		j.Jitter = 30 * time.Second
	}
	if !d.is(path + ".retries").set {
		j.Retries = 3
	}
	if at := path + ".retries"; d.ok(at) && (j.Retries < 0 || j.Retries > 20) {
		d.report(at, "want 0 to 20, have "+d.have(at), "")
	}
	for at, value := range map[string]time.Duration{"jitter": j.Jitter, "timeout": j.Timeout, "max_age": j.MaxAge} {
		if at = path + "." + at; d.ok(at) && value < 0 {
			d.report(at, "want 0s or longer, have "+d.have(at), "")
		}
	}
	checkURL(d, path+".ping", j.Ping)
}
