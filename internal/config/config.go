//go:generate go test -run TestSchemaIsUpToDate -update .

// Package config turns jobs.yaml and the environment into a Config. The Config is
// complete and checked: defaults are filled in, variables expanded, names
// resolved. For a file with mistakes it returns all of them at once, each with
// file, line and column, and no Config.
package config

import (
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
	// What to mirror and when. Default: one job named all, which reads everything
	// and has no schedule.
	Jobs []Job `yaml:"jobs,omitempty"`
	// A run that was interrupted is resumed if it is at most this old, for example
	// 24h or 2d. Otherwise a new run starts. 0s: never resume.
	ResumeWithin time.Duration `yaml:"resume_within,omitempty" jsonschema:"default=24h"`
	// Which replaced and deleted rows are kept in schema logto_history.
	History History `yaml:"history,omitempty"`
	// Which columns are not stored, or not as they are.
	Privacy Privacy `yaml:"privacy,omitempty"`
	// Settings of syncer serve.
	Serve Serve `yaml:"serve,omitempty"`
	// Where syncer serve sends notifications when an incident opens and closes.
	Alerts []Alert `yaml:"alerts,omitempty"`
	// Settings that are allowed but probably not meant, sorted by position.
	Warnings Errors `yaml:"-"`

	positions positions `yaml:"-"` // of the fields, for mistakes that are found after loading
}

// A Tenant is one Logto tenant and how to access it.
type Tenant struct {
	// The tenant's name in the mirror: the tenant_id of every row. Renaming it
	// starts a new mirror.
	Name string `yaml:"name" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$,maxLength=64"`
	// Address of Logto, scheme and host only: https://<tenant id>.logto.app for Cloud,
	// where a custom domain does not serve the Management API, or your own server's.
	Endpoint string `yaml:"endpoint"`
	// The Management API's resource indicator. Cloud: the endpoint followed by
	// /api. Self-hosted: https://default.logto.app/api.
	Resource string `yaml:"resource,omitempty"`
	// The id of a machine-to-machine application whose role has the Management
	// API's permission all.
	AppID string `yaml:"app_id"`
	// That application's secret. Take it from the environment: ${LOGTO_APP_SECRET}.
	AppSecret Secret `yaml:"app_secret"`
	// Rate limit: none, or a number of requests in any window of a length. Default on
	// Cloud: {requests: 200, per: 10s}. Self-hosted: none.
	Limit Limit `yaml:"limit,omitempty"`
	// Maximum number of concurrent requests, 1 to 64. Without a rate limit, syncer
	// uses fewer while more would only slow the server down.
	Concurrency int `yaml:"concurrency,omitempty" jsonschema:"minimum=1,maximum=64,default=16"`
	// Deletion guard: a run that would delete more than this from a table publishes
	// nothing.
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

// A MaxDelete is the deletion guard: it refuses a run that would delete more than
// Percent of a table's rows and more than Rows of them.
type MaxDelete struct {
	// Percent of a table's rows, 0 to 100. 100 turns the guard off.
	Percent int `yaml:"percent,omitempty" jsonschema:"minimum=0,maximum=100,default=20"`
	// Rows of a table, 0 or more.
	Rows int `yaml:"rows,omitempty" jsonschema:"minimum=0,default=100"`
}

// Exceeded reports whether deleting that many of a table's rows is more than
// the guard allows.
func (m MaxDelete) Exceeded(deleted, rows int64) bool {
	return deleted > int64(m.Rows) && float64(deleted) > float64(m.Percent)/100*float64(rows)
}

// A Job reads listings of tenants, on a schedule or on request.
type Job struct {
	// The job's name: syncer run NAME.
	Name string `yaml:"name" jsonschema:"pattern=^[A-Za-z0-9][A-Za-z0-9._-]*$,maxLength=64"`
	// When to run: five cron fields, @daily and the like, or @every 6h. Empty: only
	// on request.
	Schedule string `yaml:"schedule,omitempty"`
	// The time zone of the schedule, for example Europe/Berlin.
	Timezone string `yaml:"timezone,omitempty" jsonschema:"default=UTC"`
	// The tenants to read: all, or a list of names.
	Tenants Selection `yaml:"tenants,omitempty"`
	// The listings to read: all, or a list of names. [all, NAME] adds one that
	// is off by default.
	Listings Selection `yaml:"listings,omitempty"`
	// changes: the job asks Logto what changed since its last run, and reads that.
	// Empty: it reads everything, with a proof.
	Read ReadMode `yaml:"read,omitempty" jsonschema:"enum=changes"`
	// What to do about a time that passed while no syncer serve was running: run once
	// to catch up, or skip.
	Missed Missed `yaml:"missed,omitempty" jsonschema:"enum=run,enum=skip,default=run"`
	// The starts of a job's tenants are spread over this long. A job with one tenant
	// starts at once.
	Jitter time.Duration `yaml:"jitter,omitempty" jsonschema:"default=30s"`
	// A run that takes longer is stopped and retried. 0s: no timeout.
	Timeout time.Duration `yaml:"timeout,omitempty" jsonschema:"default=0s"`
	// How many times a failed run is retried before its next scheduled time, 0 to 20.
	Retries int `yaml:"retries,omitempty" jsonschema:"minimum=0,maximum=20,default=3"`
	// A listing of this job whose last proof is older is stale: an incident opens and
	// /readyz answers 503. For read: changes, the moment up to which the listing is
	// followed counts instead of the proof. 0s: never stale.
	MaxAge time.Duration `yaml:"max_age,omitempty" jsonschema:"default=0s"`
	// URL to request after every run, as healthchecks.io expects it: as it is after a
	// good run, with /fail appended after a bad one. Empty: none.
	Ping Secret `yaml:"ping,omitempty"`
	// Cron is Schedule in Timezone, nil when Schedule is empty. It is a function
	// of the time alone: every process finds the same times.
	Cron cron.Schedule `yaml:"-"`
}

// ReadMode says what the runs of a job read.
type ReadMode string

// Values of ReadMode.
const (
	ReadEverything ReadMode = ""        // every row, with a proof
	ReadChanges    ReadMode = "changes" // what changed since the last run
)

// A Selection is all of something, or names, or both: [all, NAME] is everything
// that is on by default, and NAME. Names has no duplicates.
type Selection struct {
	All   bool
	Names []string
}

// Has reports whether name is selected, taking it to be on by default.
func (s Selection) Has(name string) bool { return s.All || slices.Contains(s.Names, name) }

// History says which old versions of rows are kept.
type History struct {
	// Keep rows that were replaced or deleted.
	Enabled bool `yaml:"enabled,omitempty" jsonschema:"default=true"`
	// Tables without history, for example [user_roles].
	Except []string `yaml:"except,omitempty"`
	// How long old versions are kept, at least 1d, for example 400d.
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

// TenantNamesOf returns the names of the tenants j reads, in the file's order.
func (c *Config) TenantNamesOf(j Job) []string {
	var names []string
	for _, t := range c.TenantsOf(j) {
		names = append(names, t.Name)
	}
	return names
}

// Load reads the configuration file at path and expands the variables in it
// with env, which is os.LookupEnv but in tests. known holds the names of the
// listings there are; with nil they are not checked. The error is an Errors
// when the file could be read.
func Load(path string, env func(string) (string, bool), known []string) (*Config, error) {
	return load(&decoder{file: path, env: env}, known)
}
