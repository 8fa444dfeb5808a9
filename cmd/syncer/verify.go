package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// sampleSize is how many ranges of ids, or parents, of a listing are compared
// without --full.
const sampleSize = 20

// verifyCmd is syncer verify.
type verifyCmd struct {
	Listings []string `arg:"" optional:"" name:"listing" help:"Listings to compare; what the jobs read if none is named. There are: ${listings}."`
	Tenants  []string `name:"tenant" placeholder:"NAME" help:"Only these tenants; all if none is named."`
	Full     bool     `help:"Compare every row, not totals and a sample of rows."`
}

// Run is called by kong.
func (c *verifyCmd) Run(ctx context.Context, a *app) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	tenants, err := tenantsByName(cfg, c.Tenants)
	if err != nil {
		return err
	}
	if _, err := listingsByNameWithNeeds(c.Listings); err != nil {
		return err
	}
	db, err := openMirrorDatabase(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var errs []error
	for _, t := range tenants {
		found, err := a.verify(ctx, db, taskOf(cfg, t, config.Job{}, c.listings(cfg, t.Name), true), c.sampleLimit())
		if err != nil {
			errs = append(errs, tenantError{t.Name, err})
		}
		a.tellVerified(t.Name, found)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(errs...)
}

func (c *verifyCmd) sampleLimit() int {
	if c.Full {
		return 0
	}
	return sampleSize
}

// listings returns those named and no others: what they need is in the mirror.
func (c *verifyCmd) listings(cfg *config.Config, tenant string) []*catalog.Listing {
	if len(c.Listings) == 0 {
		return tenantListingsOrDefault(cfg, tenant)
	}
	return slices.DeleteFunc(catalog.All(), func(l *catalog.Listing) bool { return !slices.Contains(c.Listings, l.Name) })
}

// What is wrong with a mirror that cannot be read.
var (
	errNothingMirrored = usageError{"nothing is mirrored yet", "syncer run does it"}
	errNotMigrated     = usageError{"the database lacks what this version of syncer needs", "syncer migrate, or the next syncer run, brings it up to date"}
)

// openMirrorDatabase opens the database of a mirror that is there and that this
// version can read.
func openMirrorDatabase(ctx context.Context, cfg *config.Config) (*database, error) {
	db, err := openExistingDatabase(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if db == nil {
		return nil, errNothingMirrored
	}
	if err := checkMigrated(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// verify compares one tenant with its mirror. It holds the tenant's lock: a
// run that publishes meanwhile would show as differences, and two programs
// would together ask more often than the limit allows.
func (a *app) verify(ctx context.Context, db *database, task tenantTask, sample int) (found []mirror.ListingVerification, err error) {
	t := task.tenant
	show := newProgress(a.out, false)
	defer show.close()
	log := show.logger(t.Name)
	client, err := newClient(t, log)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	lock, err := state.AcquireTenantLock(ctx, db.Pool, t.Name)
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	runner := &mirror.Runner{Pool: db.Pool, Client: client, Log: log, Progress: show.barUpdateFunc(t.Name)}
	asked, err := runner.BeginRequests(ctx, task.job)
	if err != nil {
		return nil, err
	}
	defer asked()
	found, err = runner.Verify(ctx, task.job, sample)
	if err == nil {
		err = verificationError(found)
	}
	return found, err
}

// verificationError is an error unless all was found equal.
func verificationError(found []mirror.ListingVerification) error {
	var unequal []string
	for _, v := range found {
		if !v.Equal() {
			unequal = append(unequal, v.Listing)
		}
	}
	if unequal == nil {
		return nil
	}
	return unprovedError{
		"not equal to the tenant: " + strings.Join(unequal, ", "),
		"syncer run brings the mirror up to date, and syncer backfill repairs values that somebody has overwritten there; what changes in the tenant meanwhile shows as a difference, too",
	}
}

// tellVerified prints what was compared, and what differs by id.
func (a *app) tellVerified(tenant string, found []mirror.ListingVerification) {
	if len(found) == 0 {
		return
	}
	rows := table{{"listing", "rows in tenant", "in mirror", "compared", "which", "requests", "is"}}
	var notes strings.Builder
	for _, v := range found {
		if v.Differences == nil {
			v.Differences = []mirror.Difference{} // a list in JSON, too
		}
		a.out.printJSON(v)
		total := "-"
		if v.Total != nil {
			total = thousands(*v.Total)
		}
		rows = append(rows, []string{v.Listing, total, thousands(v.Mirrored), thousands(v.Compared), v.Way, thousands(v.Requests), verificationText(v)})
		notes.WriteString(differencesText(v))
	}
	a.out.printf("\n%s\n%s%s", tenant, rows, notes.String())
}

func verificationText(v mirror.ListingVerification) string {
	switch {
	case len(v.Differences) > 0:
		return "different"
	case !v.Equal():
		return v.Proof
	}
	return "equal"
}

// shownIDs is how many ids of a kind a line names; --json has them all.
const shownIDs = 20

// differencesText is a line of what differs; empty if nothing does.
func differencesText(v mirror.ListingVerification) string {
	var parts []string
	for _, what := range []string{mirror.Missing, mirror.Changed, mirror.Deleted} {
		var ids []string
		for _, d := range v.Differences {
			if d.What == what {
				id := strings.TrimPrefix(d.Parent+"/"+d.ID, "/")
				if d.Columns != nil {
					id += " (" + strings.Join(d.Columns, ", ") + ")"
				}
				ids = append(ids, id)
			}
		}
		if len(ids) == 0 {
			continue
		}
		more := ""
		if n := len(ids); n > shownIDs {
			ids, more = ids[:shownIDs], fmt.Sprintf(" and %s more", thousands(n-shownIDs))
		}
		parts = append(parts, what+" "+strings.Join(ids, " ")+more)
	}
	if v.Reason != "" {
		parts = append(parts, v.Reason)
	}
	if parts == nil {
		return ""
	}
	return "  " + v.Listing + ": " + strings.Join(parts, "; ") + "\n"
}
