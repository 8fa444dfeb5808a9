package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"logto-syncer/internal/catalog"
	"logto-syncer/internal/config"
	"logto-syncer/internal/mirror"
	"logto-syncer/internal/state"
)

// statusCmd is syncer status.
type statusCmd struct {
	MaxAge time.Duration `placeholder:"26h" help:"Exit 3 when a table the jobs read is older or not proved: what a monitor calls."`
	Runs   int           `default:"5" placeholder:"N" help:"How many runs of each tenant to show (default: 5)."`
}

// Run is called by kong.
func (c *statusCmd) Run(ctx context.Context, a *app) (err error) {
	cfg, err := a.loadReadOnly()
	if err != nil {
		return err
	}
	if c.MaxAge < 0 || c.Runs < 0 {
		return usageError{"--max-age and --runs must not be negative", ""}
	}
	db, err := openExistingDatabase(ctx, cfg)
	if err == nil && db == nil && len(cfg.Tenants) == 0 {
		err = errNoDatabase
	}
	if err != nil {
		return err
	}
	var runs []state.RunRecord
	var fresh []state.Freshness
	var limits []idBatchLimitLine
	if db != nil {
		defer func() { err = errors.Join(err, db.Close()) }()
		if runs, fresh, limits, err = readStatus(ctx, db, c.Runs); err != nil {
			return err
		}
	}
	lines := ageLines(cfg, fresh, time.Now(), c.MaxAge)
	for _, r := range runs {
		a.out.printJSON(runLine{"run", r})
	}
	for _, l := range lines {
		a.out.printJSON(l)
	}
	for _, l := range limits {
		a.out.printJSON(l)
	}
	if c.MaxAge > 0 {
		return a.checkAges(lines, c.MaxAge)
	}
	a.out.printf("%s%s%s%s", runsText(runs, time.Now()), agesText(lines, time.Now()), idBatchLimitsText(limits), unknownFieldsText(runs))
	return nil
}

func readStatus(ctx context.Context, db *database, limit int) ([]state.RunRecord, []state.Freshness, []idBatchLimitLine, error) {
	there, err := state.TablesExist(ctx, db.Pool)
	if err != nil || !there {
		return nil, nil, nil, err
	}
	runs, err := state.RecentRuns(ctx, db.Pool, limit)
	if err != nil {
		return nil, nil, nil, err
	}
	fresh, err := state.ListFreshness(ctx, db.Pool)
	if err != nil {
		return nil, nil, nil, err
	}
	limits, err := readIDBatchLimits(ctx, db)
	return runs, fresh, limits, err
}

// An idBatchLimitLine says how large requests to a tenant may be, in JSON.
type idBatchLimitLine struct {
	Type    string    `json:"type"` // "request_limit"
	Tenant  string    `json:"tenant"`
	FoundAt time.Time `json:"found_at"`
	mirror.IDBatchLimitReport
}

// readIDBatchLimits returns the limits that proxies were found to have, by tenant.
func readIDBatchLimits(ctx context.Context, db *database) ([]idBatchLimitLine, error) {
	limits, err := state.LearnedIDBatchLimits(ctx, db.Pool)
	if err != nil {
		return nil, err
	}
	var lines []idBatchLimitLine
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		l := limits[name]
		lines = append(lines, idBatchLimitLine{"request_limit", name, l.FoundAt, *mirror.NewIDBatchLimitReport(l.IDs, l.Status)})
	}
	return lines, nil
}

// A runLine is a run, in JSON.
type runLine struct {
	Type string `json:"type"` // "run"
	state.RunRecord
}

// An ageLine says how old what the mirror has of a listing is, in JSON.
type ageLine struct {
	Type string `json:"type"` // "freshness"
	state.Freshness
	Tables []string `json:"tables"`
	Age    float64  `json:"age_seconds"` // since it was last read; -1: it never was
	Wanted bool     `json:"wanted"`      // a job reads it
	Stale  bool     `json:"stale"`       // wanted, and older than --max-age or not proved
}

// ageLines joins what there is with what the jobs want. A maxAge of 0 lets any
// age pass.
func ageLines(cfg *config.Config, fresh []state.Freshness, now time.Time, maxAge time.Duration) []ageLine {
	var lines []ageLine
	for _, t := range cfg.Tenants {
		for _, l := range tenantListings(cfg.Jobs, t.Name) {
			line := ageLine{Type: "freshness", Freshness: state.Freshness{Tenant: t.Name, Listing: l.Name, Proof: "never read"}, Age: -1, Wanted: true}
			if i := slices.IndexFunc(fresh, func(f state.Freshness) bool { return f.Tenant == t.Name && f.Listing == l.Name }); i >= 0 {
				line.Freshness = fresh[i]
				fresh = slices.Delete(slices.Clone(fresh), i, i+1)
			}
			lines = append(lines, line)
		}
	}
	for _, f := range fresh { // of tenants and listings no job reads any more, or without a configuration
		lines = append(lines, ageLine{Type: "freshness", Freshness: f, Wanted: len(cfg.Tenants) == 0})
	}
	for i := range lines {
		l := &lines[i]
		for _, t := range catalog.Find(l.Listing).Tables() {
			l.Tables = append(l.Tables, t.Name)
		}
		if !l.ReadAt.IsZero() {
			l.Age = now.Sub(l.ReadAt).Seconds()
		}
		l.Stale = l.Wanted && maxAge > 0 && l.Proof != "unknown to server" && (l.Proof != "complete" || l.Age > maxAge.Seconds())
	}
	return lines
}

// checkAges says which tables are too old or not proved.
func (a *app) checkAges(lines []ageLine, maxAge time.Duration) error {
	var stale []string
	checked := 0
	for _, l := range lines {
		if !l.Wanted {
			continue
		}
		checked++
		if l.Stale {
			stale = append(stale, fmt.Sprintf("%s %s (%s)", l.Tenant, l.Listing, proofAndAgeText(l)))
		}
	}
	if stale == nil {
		a.out.printf("all %d listings are proved and younger than %s\n", checked, maxAge)
		return nil
	}
	text := fmt.Sprintf("%d of %d listings are older than %s or not proved:\n  ", len(stale), checked, maxAge)
	return unprovedError{text + strings.Join(stale, "\n  "), "syncer run reads them; syncer status shows what happened"}
}
