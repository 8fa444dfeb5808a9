package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
	"logto-syncer/internal/extract"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/mirror"
)

// checkCmd is syncer check.
type checkCmd struct{}

// Run is called by kong.
func (checkCmd) Run(ctx context.Context, a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	c := &checks{out: a.out}
	c.ok("configuration", "", fmt.Sprintf("%s: %s, %s", a.config, countedNoun(len(cfg.Tenants), "tenant"), countedNoun(len(cfg.Jobs), "job")))
	var wg sync.WaitGroup
	of := make([]checks, len(cfg.Tenants))
	for i, t := range cfg.Tenants {
		wg.Go(func() { of[i].tenant(ctx, t, tenantListings(cfg.Jobs, t.Name), len(cfg.ChangesJobs(t.Name)) > 0) })
	}
	wg.Wait()
	for i := range of {
		c.take(of[i].lines)
	}
	c.database(ctx, cfg)
	if c.failed > 0 {
		a.out.printf("\n%s failed\n", countedNoun(c.failed, "check"))
		return reportedError{exitFailed}
	}
	return nil
}

// A checkLine is what one check found.
type checkLine struct {
	Type   string `json:"type"` // "check"
	Check  string `json:"check"`
	Tenant string `json:"tenant,omitempty"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// checks collects lines; those with an output are printed as they come.
type checks struct {
	out    *output // nil: only collected
	lines  []checkLine
	failed int
}

func (c *checks) ok(check, tenant, detail string) {
	c.add(checkLine{Check: check, Tenant: tenant, OK: true, Detail: detail})
}

// bad notes a failed check. Without a hint it takes the error's own.
func (c *checks) bad(check, tenant string, err error, hint string) {
	text, own := errorTextAndHint(err)
	if hint == "" {
		hint = own
	}
	c.add(checkLine{Check: check, Tenant: tenant, Detail: text, Hint: hint})
}

func (c *checks) add(l checkLine) {
	l.Type = "check"
	c.lines = append(c.lines, l)
	if !l.OK {
		c.failed++
	}
	if c.out == nil {
		return
	}
	c.out.printJSON(l)
	verdict := "ok    "
	if !l.OK {
		verdict = "FAILED"
	}
	name := l.Check
	if l.Tenant != "" {
		name = l.Tenant + ": " + name
	}
	c.out.printf("%s  %-24s  %s\n", verdict, name, l.Detail)
	if l.Hint != "" {
		c.out.printf("        hint: %s\n", l.Hint)
	}
}

func (c *checks) take(lines []checkLine) {
	for _, l := range lines {
		c.add(l)
	}
}

// checkRetryTimeout is how long a check waits for a server, since a person waits
// for the check.
const checkRetryTimeout = 10 * time.Second

// tenant checks that the API lets us in and answers, and has the listings.
func (c *checks) tenant(ctx context.Context, t config.Tenant, listings []*catalog.Listing, follows bool) {
	cfg := clientConfig(t, slog.New(slog.DiscardHandler))
	cfg.RetryTimeout = checkRetryTimeout
	client, err := logto.New(cfg)
	if err != nil {
		c.bad("endpoint", t.Name, err, "")
		return
	}
	defer client.Close()
	err = client.Authenticate(ctx)
	api, isAPI := errors.AsType[*logto.Error](err)
	switch {
	case err == nil:
		c.ok("endpoint", t.Name, t.Endpoint+" answers")
		c.ok("token", t.Name, "for "+t.Resource)
		c.ok("scope", t.Name, "all")
	case !isAPI || api.Status == 0:
		c.bad("endpoint", t.Name, err, "is the address right, and reachable from this machine?")
		return
	case api.Status == http.StatusOK:
		c.ok("endpoint", t.Name, t.Endpoint+" answers")
		c.bad("scope", t.Name, err, "")
		return
	default:
		c.ok("endpoint", t.Name, t.Endpoint+" answers")
		c.bad("token", t.Name, err, "")
		return
	}
	page, err := client.List(ctx, "/users", url.Values{"page": {"1"}, "page_size": {"1"}})
	if err != nil {
		c.bad("management API", t.Name, err, "")
		return
	}
	c.ok("management API", t.Name, thousands(page.Total)+" users")
	c.absentListings(ctx, t, client, listings)
	if follows {
		c.webhookEvents(ctx, t, client)
	}
	limit, err := extract.ProbeIDBatchLimit(ctx, client)
	switch {
	case err != nil:
		c.bad("large requests", t.Name, err, "")
	case limit.IDs == 0:
		c.ok("large requests", t.Name, "are answered")
	default: // a run works with it
		c.ok("large requests", t.Name, mirror.NewIDBatchLimitReport(limit.IDs, limit.Status).Text)
	}
}

// absentListings says what the server lacks because it is an older one.
func (c *checks) absentListings(ctx context.Context, t config.Tenant, client *logto.Client, listings []*catalog.Listing) {
	absent, err := mirror.NewListingProber(client).UnsupportedListings(ctx, listings)
	if err != nil {
		c.bad("listings", t.Name, err, "")
		return
	}
	for _, l := range absent {
		c.ok("listings", t.Name, l.UnsupportedNote())
	}
}
