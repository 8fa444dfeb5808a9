//go:generate go test -run TestSchemaIsUpToDate -update .

// Package config turns jobs.yaml and the environment into a Config. What it
// returns is complete and checked: defaults filled in, every variable
// expanded, every name resolved. A file with mistakes yields all of them at
// once, each with file, line and column, and no Config.
package config

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/robfig/cron/v3"
)

// A Config is what jobs.yaml says. It is read-only once loaded and may be
// shared between goroutines.
type Config struct {
	// Postgres URL or key=value string of the mirror's database. Empty: an
	// embedded Postgres in ./.syncer.
	Database Secret `yaml:"database,omitempty"`
	// The Logto tenants to mirror, at least one.
	Tenants []Tenant `yaml:"tenants" jsonschema:"minItems=1"`
	// What to mirror and when. Without jobs there is one, named all, that
	// reads everything and has no schedule.
	Jobs []Job `yaml:"jobs,omitempty"`
	// A run that was killed is gone on with when it is at most this old, for
	// example 24h or 2d; an older one starts afresh. 0s: always start afresh.
	ResumeWithin time.Duration `yaml:"resume_within,omitempty" jsonschema:"default=24h"`
	// What was replaced or deleted in the tenant, kept in schema logto_history.
	History History `yaml:"history,omitempty"`
	// What is not stored, or not as it is.
	Privacy Privacy `yaml:"privacy,omitempty"`
	// What syncer serve does besides running jobs.
	Serve Serve `yaml:"serve,omitempty"`
	// Where syncer serve tells that something is wrong, and that it is well
	// again.
	Alerts []Alert `yaml:"alerts,omitempty"`
	// What is allowed but deserves a second look, sorted by position.
	Warnings Errors `yaml:"-"`

	positions positions `yaml:"-"` // of the fields, for mistakes that are found after loading
}

// A Tenant is one Logto tenant and how to talk to it.
type Tenant struct {
	// The tenant's name in the mirror: the tenant_id of every row. Renaming it
	// starts a new mirror.
	Name string `yaml:"name" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$,maxLength=64"`
	// Where Logto answers, scheme and host only: https://acme.logto.app for
	// Cloud, or your own address.
	Endpoint string `yaml:"endpoint"`
	// The Management API's resource indicator. Cloud: the endpoint followed by
	// /api. Self-hosted: https://default.logto.app/api.
	Resource string `yaml:"resource,omitempty"`
	// The id of a machine-to-machine application whose role has the Management
	// API's permission all.
	AppID string `yaml:"app_id"`
	// That application's secret. Take it from the environment: ${LOGTO_APP_SECRET}.
	AppSecret Secret `yaml:"app_secret"`
	// How often the API may be asked: none, or so many requests in any window
	// of that length. Cloud: {requests: 200, per: 10s}. Self-hosted: none.
	Limit Limit `yaml:"limit,omitempty"`
	// How many requests may be under way at once, 1 to 64. Without a limit, fewer
	// are while more would only make the server slower, for those who sign in too.
	Concurrency int `yaml:"concurrency,omitempty" jsonschema:"minimum=1,maximum=64,default=16"`
	// A run that would delete more than this from a table publishes nothing.
	MaxDelete MaxDelete `yaml:"max_delete,omitempty"`
}

// A Limit allows Requests requests in any window of length Per. The zero
// Limit allows any number.
type Limit struct {
	// Requests in any window, at least 1.
	Requests int `yaml:"requests" jsonschema:"minimum=1"`
	// The length of the window, for example 10s.
	Per time.Duration `yaml:"per"`
}

// None reports whether l limits nothing.
func (l Limit) None() bool { return l == Limit{} }

// A MaxDelete is the guard against deleting by mistake: it holds a run back
// that would delete more than Percent of a table's rows and more than Rows of
// them.
type MaxDelete struct {
	// Percent of a table's rows, 0 to 100. 100 lets everything through.
	Percent int `yaml:"percent,omitempty" jsonschema:"minimum=0,maximum=100,default=20"`
	// Rows of a table, 0 or more.
	Rows int `yaml:"rows,omitempty" jsonschema:"minimum=0,default=100"`
}

// Exceeded reports whether deleting that many of a table's rows is more than
// the guard allows.
func (m MaxDelete) Exceeded(deleted, rows int64) bool {
	return deleted > int64(m.Rows) && float64(deleted) > float64(m.Percent)/100*float64(rows)
}

// A Job reads listings of tenants, on a schedule or when asked.
type Job struct {
	// The job's name: syncer run NAME.
	Name string `yaml:"name" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$,maxLength=64"`
	// When to run: five cron fields, @daily and the like, or @every 6h. Empty:
	// only when asked.
	Schedule string `yaml:"schedule,omitempty"`
	// The time zone of the schedule, for example Europe/Berlin.
	Timezone string `yaml:"timezone,omitempty" jsonschema:"default=UTC"`
	// The tenants to read: all, or a list of names.
	Tenants Selection `yaml:"tenants,omitempty"`
	// The listings to read: all, or a list of names. [all, NAME] adds one that
	// is off by default.
	Listings Selection `yaml:"listings,omitempty"`
	// What becomes of a time that passed while no syncer serve was up: run
	// makes up for it once, skip waits for the next.
	Missed Missed `yaml:"missed,omitempty" jsonschema:"enum=run,enum=skip,default=run"`
	// The tenants of a job start spread over this long. A job of one tenant
	// starts at once.
	Jitter time.Duration `yaml:"jitter,omitempty" jsonschema:"default=30s"`
	// A run that takes longer is ended, and tried again. 0s: it may take as
	// long as it takes.
	Timeout time.Duration `yaml:"timeout,omitempty" jsonschema:"default=0s"`
	// How often a run that failed is tried again before its next time, 0 to 20.
	Retries int `yaml:"retries,omitempty" jsonschema:"minimum=0,maximum=20,default=3"`
	// A listing of this job whose last proof is older is stale: an alert, and
	// /readyz says no. 0s: never stale.
	MaxAge time.Duration `yaml:"max_age,omitempty" jsonschema:"default=0s"`
	// An address that is asked after every run, as healthchecks.io expects it:
	// as it is when all is well, with /fail behind it when not. Empty: none.
	Ping Secret `yaml:"ping,omitempty"`
	// Cron is Schedule in Timezone, nil when Schedule is empty. It is a function
	// of the time alone: every process finds the same times.
	Cron cron.Schedule `yaml:"-"`
}

// A Selection is all of something, or names, or both: [all, NAME] is all that
// is on by default and NAME besides. Names has no repetitions.
type Selection struct {
	All   bool
	Names []string
}

// Has reports whether name is selected, taking it to be on by default.
func (s Selection) Has(name string) bool { return s.All || slices.Contains(s.Names, name) }

// History says what is kept of the past.
type History struct {
	// Keep what was replaced or deleted.
	Enabled bool `yaml:"enabled,omitempty" jsonschema:"default=true"`
	// Tables whose past is not kept, for example [user_roles].
	Except []string `yaml:"except,omitempty"`
	// How long the past is kept, at least 1d, for example 400d.
	Retention time.Duration `yaml:"retention,omitempty" jsonschema:"default=400d"`
}

// Tenant returns the tenant of that name, and whether there is one.
func (c *Config) Tenant(name string) (Tenant, bool) {
	i := slices.IndexFunc(c.Tenants, func(t Tenant) bool { return t.Name == name })
	if i < 0 {
		return Tenant{}, false
	}
	return c.Tenants[i], true
}

// Job returns the job of that name, and whether there is one.
func (c *Config) Job(name string) (Job, bool) {
	i := slices.IndexFunc(c.Jobs, func(j Job) bool { return j.Name == name })
	if i < 0 {
		return Job{}, false
	}
	return c.Jobs[i], true
}

// TenantsOf returns the tenants j reads, in the file's order.
func (c *Config) TenantsOf(j Job) []Tenant {
	var out []Tenant
	for _, t := range c.Tenants {
		if j.Tenants.Has(t.Name) {
			out = append(out, t)
		}
	}
	return out
}

// Load reads the configuration file at path and expands the variables in it
// with env, which is os.LookupEnv but in tests. known holds the names of the
// listings there are; with nil they are not checked. The error is an Errors
// when the file could be read.
func Load(path string, env func(string) (string, bool), known []string) (*Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, data, env, known)
}
