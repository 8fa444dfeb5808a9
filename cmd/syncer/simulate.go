package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"logto-syncer/internal/logtotest"
)

// simulateCmd is syncer simulate.
type simulateCmd struct {
	Users         *int        `placeholder:"N" xor:"tenant" help:"How many users to make up (default: 20000)."`
	Tenant        string      `placeholder:"FILE" xor:"tenant" help:"Serve the tenant in this file instead of one made up."`
	Organizations int         `placeholder:"N" help:"How many organizations to make up (default: one for every 100 users)."`
	Seed          uint64      `default:"1" placeholder:"N" help:"What is drawn by chance is drawn from it (default: 1)."`
	Listen        string      `default:"127.0.0.1:3001" placeholder:"ADDR" help:"Where to listen (default: 127.0.0.1:3001); port 0 takes a free one."`
	Ties          bool        `help:"Half of the users come from 8 imports whose users share one created_at."`
	Churn         rateFlag    `placeholder:"N/s" help:"Change so many users and memberships a second."`
	Fail          float64     `placeholder:"P" help:"Fail this share of all requests (0 to 1), in rotation with 500, a reset, and half a body."`
	Throttle      bool        `help:"Answer 429 to more than 200 requests in any 10 s, as Logto Cloud does."`
	Logto         string      `placeholder:"VERSION" help:"Answer as this version of Logto does, such as 1.25 (default: the newest known)."`
	Latency       latencyFlag `placeholder:"D" help:"Answer late: 5ms, or at random 50-400ms."`
}

// Help is what syncer simulate --help says of what changes leave.
func (simulateCmd) Help() string {
	return "Changes (--churn) leave what they leave on a real server: audit logs, and a hook-log row for every event " +
		"that a webhook of the tenant wants. A tenant made up has a webhook for every data event, named \"change feed\", for " +
		"jobs with read: changes to follow. Nothing is sent to it: its deliveries fail, and are logged. Its clock shows " +
		"the time, and what it has ends today: started again on the same day with the same flags, it has the same."
}

// Run is called by kong.
func (c *simulateCmd) Run(ctx context.Context, a *app) error {
	if math.IsNaN(c.Fail) || c.Fail < 0 || c.Fail > 1 {
		return usageError{"--fail: want a number from 0 to 1", ""}
	}
	if err := logtotest.CheckVersion(c.Logto); err != nil {
		return usageError{"--logto: " + err.Error(), ""}
	}
	tenant, err := c.tenant()
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return usageError{fmt.Sprintf("listen on %s: %v", c.Listen, err), "choose another with --listen ADDR, or any free port with --listen 127.0.0.1:0"}
	}
	server := logtotest.NewServer(tenant, logtotest.WithSeed(c.Seed), logtotest.WithVersion(c.Logto))
	c.misbehave(server)
	a.announceSimulator(server, listenerURL(listener.Addr()))
	return a.serveSimulated(ctx, server, listener, float64(c.Churn))
}

func (c *simulateCmd) tenant() (*logtotest.Tenant, error) {
	if c.Tenant == "" {
		users := 20_000
		if c.Users != nil {
			users = max(0, *c.Users)
		}
		return c.generate(users, time.Now().UTC()), nil
	}
	f, err := os.Open(c.Tenant)
	if err != nil {
		return nil, usageError{err.Error(), ""}
	}
	defer f.Close()
	return logtotest.Load(f)
}

// generate makes up a tenant whose clock shows now. Its rows end when the day
// begins, so that a simulator started again that day has the same ones.
func (c *simulateCmd) generate(users int, now time.Time) *logtotest.Tenant {
	today := now.Truncate(24 * time.Hour)
	tenant := logtotest.Generate(logtotest.Options{
		Users: users, Organizations: c.Organizations, Seed: c.Seed, Ties: c.Ties, Version: c.Logto, Now: today,
	})
	tenant.AdvanceClock(now.Sub(today))
	return tenant
}

// misbehave sets what the flags ask for.
func (c *simulateCmd) misbehave(server *logtotest.Server) {
	if c.Throttle {
		server.Throttle(200, 10*time.Second, true)
	}
	if c.Latency.to > 0 {
		server.Inject(logtotest.Fault{Kind: logtotest.Delay, Delay: c.Latency.from, DelayMax: c.Latency.to})
	}
	if c.Fail == 0 {
		return
	}
	// The first that applies wins, so the chances are those of what is left.
	for i, f := range []logtotest.Fault{
		{Kind: logtotest.Status, Status: http.StatusInternalServerError}, {Kind: logtotest.Reset}, {Kind: logtotest.Truncate},
	} {
		share := c.Fail / 3
		f.Probability = share / (1 - float64(i)*share)
		server.Inject(f)
	}
}

// announceSimulator says where the simulated Logto is and how to be let in.
func (a *app) announceSimulator(s *logtotest.Server, endpoint string) {
	a.out.printJSON(map[string]string{
		"type": "simulated", "endpoint": endpoint, "resource": s.Resource, "app_id": s.AppID, "app_secret": s.AppSecret,
	})
	a.out.printf(`A simulated Logto with %s users and %s organizations answers at %s

For the jobs.yaml of the repository:

export LOGTO_ENDPOINT=%s
export LOGTO_APP_ID=%s
export LOGTO_APP_SECRET=%s

Or in a jobs.yaml of your own:

tenants:
  - name: simulated
    endpoint: %s
    resource: %s
    app_id: %s
    app_secret: %s

Ctrl-C ends it.
`, thousands(s.Tenant.Count("users")), thousands(s.Tenant.Count("organizations")), endpoint,
		endpoint, s.AppID, s.AppSecret, endpoint, s.Resource, s.AppID, s.AppSecret)
}

// serveSimulated serves until the context ends or somebody interrupts, which
// is how it is meant to end.
func (a *app) serveSimulated(ctx context.Context, server *logtotest.Server, listener net.Listener, churn float64) error {
	// Idle connections end after 5 s, as with the real server.
	h := &http.Server{Handler: server, IdleTimeout: 5 * time.Second, ReadHeaderTimeout: 10 * time.Second}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var served, changed error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer cancel()
		served = h.Serve(listener)
	})
	wg.Go(func() {
		defer cancel()
		changed = keepChanging(ctx, server.Tenant, churn)
	})
	<-ctx.Done()
	closed := h.Close()
	wg.Wait()
	if errors.Is(served, http.ErrServerClosed) {
		served = nil
	}
	return errors.Join(served, changed, closed)
}

// listenerURL writes an address as a client on this machine would.
func listenerURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return "http://localhost:" + port
	}
	return "http://" + addr.String()
}

// latencyFlag is a time or a range of times: 5ms, 50-400ms.
type latencyFlag struct{ from, to time.Duration }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *latencyFlag) UnmarshalText(text []byte) error {
	from, to, ranged := strings.Cut(string(text), "-")
	if !ranged {
		to = from
	}
	var err error
	if l.to, err = time.ParseDuration(to); err != nil || l.to < 0 {
		return fmt.Errorf("want a time such as 5ms or 50-400ms")
	}
	if strings.Trim(from, "0123456789.") == "" { // 50-400ms: the unit is that of the end
		from += strings.TrimLeft(to, "0123456789.")
	}
	if l.from, err = time.ParseDuration(from); err != nil || l.from < 0 || l.from > l.to {
		return fmt.Errorf("want a time such as 5ms or 50-400ms")
	}
	return nil
}
