package config_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"logto-syncer/internal/config"
)

const day = 24 * time.Hour

func TestParse(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		give string
		want config.Config
	}{
		"the least there can be: Cloud, with every default": {
			give: "tenants: [{name: acme, endpoint: https://Acme.logto.app/, app_id: a, app_secret: b}]",
			want: configOf(config.Tenant{
				Name: "acme", Endpoint: "https://acme.logto.app", Resource: "https://acme.logto.app/api",
				AppID: "a", AppSecret: "b", Limit: config.Limit{Requests: 200, Per: 10 * time.Second},
			}),
		},
		"a self-hosted server has no limit and the resource every such server has": {
			give: "tenants: [{name: ours, endpoint: 'https://id.example.org:3001', app_id: a, app_secret: b}]",
			want: configOf(config.Tenant{
				Name: "ours", Endpoint: "https://id.example.org:3001",
				Resource: "https://default.logto.app/api", AppID: "a", AppSecret: "b",
			}),
		},
		"Cloud without a limit where the file says none": {
			give: "tenants: [{name: acme, endpoint: https://acme.logto.app, app_id: a, app_secret: b, limit: none}]",
			want: configOf(config.Tenant{
				Name: "acme", Endpoint: "https://acme.logto.app", Resource: "https://acme.logto.app/api",
				AppID: "a", AppSecret: "b",
			}),
		},
		"variables, defaults and dollars are expanded, and an empty value is none": {
			give: `{database: "${EMPTY:-}", tenants: [{name: "${APP_ID}-${SIX}", endpoint: "https://${NO_HOST:-id.example.org}",
				app_id: "${NO_ID:-a:-b}", app_secret: "$$${APP_SECRET}$$", concurrency: "${SIX}", limit: "${NO_LIMIT:-none}", resource: "${EMPTY:-}"}]}`,
			want: configOf(config.Tenant{
				Name: "m2m-6", Endpoint: "https://id.example.org", Resource: "https://default.logto.app/api",
				AppID: "a:-b", AppSecret: "$hunter2$", Concurrency: 6,
			}),
		},
		"a value that looks like YAML stays the text it is": {
			give: `tenants: [{name: ours, endpoint: https://id.example.org, app_id: "${LIMIT}", app_secret: 12}]`,
			want: configOf(config.Tenant{
				Name: "ours", Endpoint: "https://id.example.org", Resource: "https://default.logto.app/api",
				AppID: "{requests: 1, per: 1s}", AppSecret: "12",
			}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := config.Parse("jobs.yaml", []byte(tc.give), environment, listings())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tc.want, got, revealed()); diff != "" {
				t.Errorf("Config (-want +got):\n%s", diff)
			}
		})
	}
}

func configOf(tenant config.Tenant) config.Config {
	if tenant.Concurrency == 0 {
		tenant.Concurrency = 16
	}
	tenant.MaxDelete = config.MaxDelete{Percent: 20, Rows: 100}
	all := config.Selection{All: true}
	return config.Config{
		Tenants:      []config.Tenant{tenant},
		Jobs:         []config.Job{{Name: "all", Timezone: "UTC", Tenants: all, Listings: all, Missed: "run", Jitter: 30 * time.Second, Retries: 3}},
		ResumeWithin: day,
		History:      config.History{Enabled: true, Retention: 400 * day},
		Serve:        config.Serve{Listen: "127.0.0.1:8077", Workers: 3, RescueAfter: 30 * time.Second},
	}
}

// revealed lets cmp see secrets, and leaves schedules to their own test.
func revealed() cmp.Option {
	return cmp.Options{
		cmp.Transformer("Reveal", config.Secret.Reveal),
		cmpopts.IgnoreFields(config.Job{}, "Cron"),
		cmpopts.IgnoreUnexported(config.Config{}),
	}
}

func TestEveryKeyIsRead(t *testing.T) {
	t.Parallel()
	got, err := config.Load("testdata/full.yaml", environment, listings())
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Config{
		Database: "postgres://syncer:pw@db.example.org:5433/logto?sslmode=require",
		Tenants: []config.Tenant{
			{
				Name: "acme", Endpoint: "https://acme.logto.app", Resource: "https://acme.logto.app/api", AppID: "m2m", AppSecret: "hunter2",
				Limit: config.Limit{Requests: 150, Per: 10 * time.Second}, Concurrency: 64, MaxDelete: config.MaxDelete{Percent: 50, Rows: 100},
			},
			{
				Name: "ours", Endpoint: "http://logto:3001", Resource: "https://admin.logto.app/api", AppID: "m2m", AppSecret: "hunter2",
				Concurrency: 1, MaxDelete: config.MaxDelete{Percent: 0, Rows: 0},
			},
		},
		Jobs: []config.Job{
			{
				Name: "nightly", Schedule: "30 2 * * *", Timezone: "Europe/Berlin", Tenants: config.Selection{All: true}, Listings: config.Selection{All: true, Names: []string{"roles"}},
				Missed: config.SkipMissed, Jitter: time.Minute, Timeout: 6 * time.Hour, Retries: 0, MaxAge: 36 * time.Hour, Ping: "https://ping.example.org/hunter2",
			},
			{Name: "users", Schedule: "@every 6h", Timezone: "UTC", Tenants: config.Selection{Names: []string{"ours"}}, Listings: config.Selection{Names: []string{"users", "roles"}}, Missed: "run", Jitter: 30 * time.Second, Retries: 3},
			{Name: "fresh", Read: config.ReadChanges, Schedule: "@every 2m", Timezone: "UTC", Tenants: config.Selection{All: true}, Listings: config.Selection{All: true}, Missed: "run", Jitter: 30 * time.Second, Retries: 3, MaxAge: 5 * time.Minute},
		},
		ResumeWithin: 36 * time.Hour,
		History:      config.History{Enabled: false, Except: []string{"user_roles"}, Retention: 30 * day},
		Privacy: config.Privacy{Key: "a key of hunter2", Tables: map[string]map[string]config.Rule{
			"users":                    {"primary_phone": {Drop: true}, "primary_email": {Hash: true}, "custom_data": {Keep: []string{"plan", "address.country"}}},
			"organization_invitations": {"invitee": {Hash: true}},
		}},
		Serve: config.Serve{
			Listen: "[::1]:80", Workers: 64, Token: "a token of hunter2", RescueAfter: 2 * time.Second,
			Webhook: config.Webhook{Listen: ":8078", Hooks: []config.Hook{
				{Tenant: "acme", SigningKey: "a key of hunter2", Path: "/webhook/acme"},
				{Tenant: "ours", SigningKey: "another key of hunter2", Path: "/hooks/ours"},
			}},
		},
		Alerts: []config.Alert{{URL: "https://hooks.example.org/hunter2", Form: config.SlackForm}, {URL: "", Form: config.JSONForm}},
		Warnings: config.Errors{{
			File: "testdata/full.yaml", Line: 10, Column: 16, Field: "tenants[1].endpoint",
			Message: "http sends the application's secret in clear text", Hint: "use https unless the network between is yours alone",
		}},
	}
	if diff := cmp.Diff(want, got, revealed()); diff != "" {
		t.Errorf("Config (-want +got):\n%s", diff)
	}
	if names := tenantNames(got.TenantsOf(got.Jobs[1])); !cmp.Equal(names, []string{"ours"}) {
		t.Errorf("the second job reads the tenants %q", names)
	}
	if names := tenantNames(got.TenantsOf(got.Jobs[0])); !cmp.Equal(names, []string{"acme", "ours"}) {
		t.Errorf("the first job reads the tenants %q", names)
	}
}

func tenantNames(tenants []config.Tenant) (names []string) {
	for _, tenant := range tenants {
		names = append(names, tenant.Name)
	}
	return names
}

func TestSchedulesKeepTheirTimezone(t *testing.T) {
	t.Parallel()
	c, err := config.Load("testdata/full.yaml", environment, nil)
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	if got, want := c.Jobs[0].Cron.Next(from), time.Date(2026, 7, 2, 0, 30, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("half past two in Berlin: want %s, have %s", want, got.UTC())
	}
	if got, want := c.Jobs[1].Cron.Next(from), from.Add(6*time.Hour); !got.Equal(want) {
		t.Errorf("every six hours: want %s, have %s", want, got)
	}
}

// The jobs.yaml at the root is what a newcomer starts from: three exports
// away from a run, and it says so itself.
func TestRootJobsFile(t *testing.T) {
	t.Parallel()
	set := map[string]string{"LOGTO_ENDPOINT": "https://acme.logto.app", "LOGTO_APP_ID": "a", "LOGTO_APP_SECRET": "b"}
	c, err := config.Load("../../jobs.yaml", func(name string) (string, bool) { v, ok := set[name]; return v, ok }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Database != "" || len(c.Tenants) != 1 || len(c.Jobs) != 1 || len(c.Warnings) != 0 {
		t.Errorf("want one tenant, one job and the embedded Postgres, have %+v", c)
	}
	_, err = config.Load("../../jobs.yaml", func(string) (string, bool) { return "", false }, nil)
	problems, _ := errors.AsType[config.Errors](err)
	if len(problems) != len(set) {
		t.Fatalf("want a problem for each of %d variables, have %v", len(set), err)
	}
	for name := range set {
		if !strings.Contains(err.Error(), "hint: export "+name) {
			t.Errorf("no hint for %s in\n%v", name, err)
		}
	}
}

// Its examples in comments must hold too: they have no space after the #.
func TestRootJobsFileWithItsExamples(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../jobs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	data = regexp.MustCompile(`(?m)^( *)#(  )?([a-z-])`).ReplaceAll(data, []byte("$1$2$3"))
	env := func(name string) (string, bool) {
		if name == "DATABASE_URL" {
			return "", false
		}
		return "https://acme.logto.app", true
	}
	c, err := config.Parse("jobs.yaml", data, env, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Jobs) != 2 || c.Jobs[1].Read != config.ReadChanges || len(c.Serve.Webhook.Hooks) != 1 || len(c.Warnings) != 0 {
		t.Errorf("the example of a job that reads changes was not read: %+v", c)
	}
	if len(c.Tenants) != 2 || c.Tenants[0].Limit.Requests != 200 || c.Tenants[1].Name != "ours" || len(c.History.Except) != 1 || len(c.Privacy.Tables["users"]) != 3 {
		t.Errorf("an example was not read: %+v", c)
	}
}

func TestAFileThatIsNotThereIsAnErrorOfItsOwn(t *testing.T) {
	t.Parallel()
	_, err := config.Load(filepath.Join(t.TempDir(), "jobs.yaml"), environment, nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("want fs.ErrNotExist, have %v", err)
	}
}

func TestMaxDelete(t *testing.T) {
	t.Parallel()
	guard := config.MaxDelete{Percent: 20, Rows: 100}
	for name, tc := range map[string]struct {
		guard         config.MaxDelete
		deleted, rows int64
		want          bool
	}{
		"few rows of a small table":               {guard, 100, 120, false},
		"one more than the rows, most of a table": {guard, 101, 120, true},
		"many rows, but few of a big table":       {guard, 200_000, 1_000_000, false},
		"one more than the percentage":            {guard, 200_001, 1_000_000, true},
		"anything where nothing may go":           {config.MaxDelete{}, 1, 10, true},
		"nothing where nothing may go":            {config.MaxDelete{}, 0, 0, false},
		"everything where everything may go":      {config.MaxDelete{Percent: 100}, 10, 10, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.guard.Exceeded(tc.deleted, tc.rows); got != tc.want {
				t.Errorf("want %t, have %t", tc.want, got)
			}
		})
	}
}
