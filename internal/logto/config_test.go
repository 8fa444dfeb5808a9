package logto

import (
	"strings"
	"testing"
	"time"
)

func TestNewSaysWhichFieldIsWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Config)
		want   string // "": it is good
	}{
		"a good configuration":        {func(*Config) {}, ""},
		"a slash at the end":          {func(c *Config) { c.Endpoint += "/" }, ""},
		"no endpoint":                 {func(c *Config) { c.Endpoint = "" }, "endpoint: must be a URL"},
		"an endpoint of another kind": {func(c *Config) { c.Endpoint = "ftp://x" }, "endpoint: must be a URL"},
		"an endpoint that is no URL":  {func(c *Config) { c.Endpoint = "http://[::1" }, "endpoint: not a URL"},
		"an endpoint with a user":     {func(c *Config) { c.Endpoint = "https://u:" + appSecret + "@x" }, "endpoint: "},
		"an endpoint with a query":    {func(c *Config) { c.Endpoint = "https://x/?a=b" }, "endpoint: must have no"},
		"an endpoint with /api":       {func(c *Config) { c.Endpoint = "https://x/api/" }, "endpoint: must not end with /api"},
		"no app id":                   {func(c *Config) { c.AppID = "" }, "app id"},
		"no app secret":               {func(c *Config) { c.AppSecret = "" }, "app secret"},
		"a limit without time":        {func(c *Config) { c.Limit = RateLimit{Requests: 1} }, "limit: the time must"},
		"a limit of nothing":          {func(c *Config) { c.Limit = RateLimit{Per: time.Second} }, "limit: requests must"},
		"a negative limit":            {func(c *Config) { c.Limit = RateLimit{-1, time.Second} }, "limit: requests must"},
		"a negative concurrency":      {func(c *Config) { c.Concurrency = -1 }, "concurrency"},
		"a negative retry timeout":    {func(c *Config) { c.RetryTimeout = -1 }, "retry timeout"},
		"a negative bound on bodies":  {func(c *Config) { c.MaxBody = -1 }, "max body"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{Endpoint: "https://acme.logto.app", AppID: appID, AppSecret: appSecret}
			tc.change(&cfg)
			c, err := New(cfg)
			switch {
			case err == nil && tc.want != "":
				t.Errorf("no error, want %q", tc.want)
			case err != nil && (tc.want == "" || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("error %q, want %q", err, tc.want)
			case err != nil:
				checkHarmless(t, err)
			case c.base != "https://acme.logto.app/api":
				t.Errorf("base %q", c.base)
			}
		})
	}
}
