package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
	"logto-syncer/internal/logto"
	"logto-syncer/internal/logtotest"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/postgres"
)

// demoCmd is syncer demo.
type demoCmd struct {
	Users int  `default:"20000" placeholder:"N" help:"How many users to simulate (default: 20000)."`
	Keep  bool `help:"Keep the database, in ./.syncer."`
}

// Run is called by kong.
func (c *demoCmd) Run(ctx context.Context, a *app) (err error) {
	if c.Users < 0 || c.Users > 5_000_000 {
		return usageError{"--users must be a number from 0 to 5000000", ""}
	}
	a.out.printf("A simulated Logto with %s users, half of them imported, which share\ntimestamps; a Postgres to mirror it into:\n", thousands(c.Users))
	server := logtotest.Start(logtotest.Generate(logtotest.Options{Users: c.Users, Seed: 1, Ties: true, Now: time.Now().UTC().Truncate(time.Microsecond)}))
	defer server.Close()
	options := postgres.Options{}
	if c.Keep {
		options.Dir = embeddedDir
	}
	db, err := openEmbedded(ctx, options, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.migrate(ctx, a.out.logger(a.stderr)); err != nil {
		return err
	}
	t := demoTask(server)
	if err := a.runTasks(ctx, db, []tenantTask{t}); err != nil {
		return err
	}
	if err := a.printDemoReports(ctx, db); err != nil {
		return err
	}
	if err := a.showPageWalkLosses(ctx, t.tenant); err != nil {
		return err
	}
	return a.printConnectHintAndWait(ctx, db, c.Keep)
}

func demoTask(server *logtotest.Server) tenantTask {
	return tenantTask{
		config.Tenant{
			Name: "demo", Endpoint: server.URL, Resource: server.Resource,
			AppID: server.AppID, AppSecret: config.Secret(server.AppSecret),
		},
		mirror.Job{Tenant: "demo", Name: "demo", Endpoint: server.URL, Listings: catalog.Select(nil)},
	}
}

// showPageWalkLosses reads the users page by page, as the documentation of the API
// describes it, and says what that would have lost.
func (a *app) showPageWalkLosses(ctx context.Context, t config.Tenant) error {
	if a.out.json || a.out.quiet {
		return nil
	}
	client, err := newClient(t, a.out.logger(a.stderr))
	if err != nil {
		return err
	}
	defer client.Close()
	rows, distinct, err := countByPageWalk(ctx, client, "/users")
	if err != nil {
		return fmt.Errorf("walk the users by pages: %w", err)
	}
	a.out.printf("\nBy plain pages the same API returns %s users, and nothing looks wrong;\nbut only %s of them are different ones: %s are lost. The mirror has all.\n",
		thousands(rows), thousands(distinct), thousands(rows-distinct))
	return nil
}

func countByPageWalk(ctx context.Context, client *logto.Client, path string) (rows, distinct int, err error) {
	const size = 100
	ids := map[string]bool{}
	for n := 1; ; n++ {
		page, err := client.List(ctx, path, url.Values{"page": {strconv.Itoa(n)}, "page_size": {strconv.Itoa(size)}})
		if err != nil {
			return 0, 0, err
		}
		for _, item := range page.Items {
			var row struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(item, &row); err != nil {
				return 0, 0, err
			}
			ids[row.ID] = true
		}
		rows += len(page.Items)
		if len(page.Items) < size {
			return rows, len(ids), nil
		}
	}
}

// printConnectHintAndWait says how to connect, and keeps the server up while a person may want
// to.
func (a *app) printConnectHintAndWait(ctx context.Context, db *database, keep bool) error {
	psql := db.server.PsqlCommand(embeddedName)
	if keep {
		a.out.printf("\nThe database stays in ./%s. While no DATABASE_URL is set, these read it:\n\n  syncer report active_users\n  syncer status\n  syncer psql\n", embeddedDir)
	}
	if a.out.json || a.out.quiet || !isTerminal(a.stdin) {
		return nil
	}
	a.out.printf("\nConnect from another terminal with\n\n  %s\n\nand try: \\d+ logto.users\n\nPress Enter to end the demo.\n", psql)
	a.readLine(ctx)
	return nil
}
