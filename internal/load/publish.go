package load

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
)

// A PublishOptions says how a run is published.
type PublishOptions struct {
	At       time.Time       // when the new versions become valid
	Proved   map[string]bool // listings whose absent items leave the mirror
	NoRecord map[string]bool // tables that keep no history; nil: all keep it
	// StoredRules are the rules what is stored is under, as Rules returned them.
	// All of it, history too, is published under the loader's.
	StoredRules map[string]string
	// Guard is told, at the end, which tables so many rows of so many have left,
	// those included that went along with others; its error ends the
	// publication, and the caller rolls it back. Nil lets all.
	Guard func(leaving []TableDeletions) error
}

// TableDeletions is how many rows of how many are to leave a table.
type TableDeletions struct {
	Table   string `json:"table"`
	Deleted int64  `json:"leaving"`
	Rows    int64  `json:"rows"`
}

// A ChangeCounts is what publishing did to the root table of a listing.
type ChangeCounts struct {
	Inserted, Updated, Deleted int64
	// Withheld are rows that point at something the mirror does not have.
	Withheld int64
	// WithheldItems are those of them that are items, not elements of one.
	WithheldItems int64
	// Incomplete are the fields that items came without, or with elements that
	// have no id. Of such a listing nothing was deleted, proved or not.
	Incomplete []string
}

// publisher is one publication under way.
type publisher struct {
	*Stage
	PublishOptions
	tx             pgx.Tx
	shapes         map[string]map[shapeTag]listingShape // by listing and tag: rows are stored in, once they are redacted
	retag          map[string]map[shapeTag]shapeTag     // by listing: what becomes of the tags of redacted rows
	empty          map[string]bool                      // staged tables of which the mirror has nothing
	assumeDistinct bool                                 // what was read in ranges is not staged twice
	changes        map[string]*ChangeCounts
	inserted       map[string]int64    // rows new in a table
	deleted        map[string][]string // ids that left, by table with an id others refer to
}

// publish is Publish with what is known of the tables it publishes to.
func (s *Stage) publish(
	ctx context.Context, tx pgx.Tx, listings []*catalog.Listing, how PublishOptions, fresh map[string]bool, hopeful bool,
) (map[string]*ChangeCounts, error) {
	shapes, err := s.readShapes(ctx, tx)
	if err != nil {
		return nil, err
	}
	p := &publisher{
		Stage: s, PublishOptions: how, tx: tx, shapes: shapes, retag: map[string]map[shapeTag]shapeTag{}, empty: fresh, assumeDistinct: hopeful,
		changes: map[string]*ChangeCounts{}, inserted: map[string]int64{}, deleted: map[string][]string{},
	}
	for _, plan := range s.allMappings() {
		if plan.rulesDiffer(how.StoredRules) {
			p.retag[plan.Name] = p.redactShapes(plan)
		}
	}
	for _, l := range listings {
		p.changes[l.Name] = &ChangeCounts{}
		if err := p.keepLastReadings(ctx, s.mappings[l.Name]); err != nil {
			return nil, fmt.Errorf("settle what was read of %s: %w", l.Name, err)
		}
		if err := p.findIncompleteFields(ctx, s.mappings[l.Name]); err != nil {
			return nil, fmt.Errorf("look for incomplete items of %s: %w", l.Name, err)
		}
	}
	for _, l := range listings {
		if err := p.mergeListing(ctx, s.mappings[l.Name]); err != nil {
			return nil, fmt.Errorf("publish %s: %w", l.Name, err)
		}
	}
	for _, l := range s.allMappings() {
		if err := p.deleteReferencing(ctx, l); err != nil {
			return nil, fmt.Errorf("publish what deletions take with them in %s: %w", l.Name, err)
		}
	}
	if err := p.callGuard(ctx); err != nil {
		return nil, err
	}
	return p.changes, p.redact(ctx)
}

// allMappings returns the plans of all listings of the catalog the loader has,
// in its order.
func (s *Stage) allMappings() []*mapping {
	var plans []*mapping
	for _, l := range catalog.All() {
		if p := s.mappings[l.Name]; p != nil {
			plans = append(plans, p)
		}
	}
	return plans
}

// keepLastReadings leaves one reading of each item in the stage, the last one, and of
// each element within it.
func (p *publisher) keepLastReadings(ctx context.Context, plan *mapping) error {
	root := p.newTableStatement(plan, plan.root)
	superseded, err := p.deleteOlderReadings(ctx, root)
	if err != nil {
		return err
	}
	if p.hasStaged(deletionsTable) {
		n, err := p.reconcileStagedDeletions(ctx, plan, root)
		if err != nil {
			return err
		}
		superseded += n
	}
	if superseded > 0 {
		if err := p.unstageOrphanElements(ctx, plan); err != nil {
			return err
		}
	}
	for _, t := range plan.nested {
		if _, err := p.deleteOlderReadings(ctx, p.newTableStatement(plan, t)); err != nil {
			return err
		}
	}
	return nil
}

// deleteOlderReadings leaves the last row of each key in the stage of a table.
func (p *publisher) deleteOlderReadings(ctx context.Context, m tableStatement) (superseded int64, err error) {
	if !m.Staged {
		return 0, nil
	}
	// The planner needs to know how many rows there are and how their keys are
	// spread; to sample every column took a fifth of a first publication. Where
	// stage tables stay, other runs would wait for the lock.
	if m.Analyzed {
		if _, err := p.tx.Exec(ctx, "analyze "+m.Stage+" ("+m.Keys()+")"); err != nil {
			return 0, err
		}
	}
	if p.assumeDistinct && m.Empty && m.listing.Walk == catalog.Split {
		return 0, nil
	}
	var twice bool
	if err := p.tx.QueryRow(ctx, render("has_duplicates", m), execMode, p.tenant).Scan(&twice); err != nil || !twice {
		return 0, err
	}
	return p.exec(ctx, render("delete_older_readings", m))
}

func (p *publisher) reconcileStagedDeletions(ctx context.Context, plan *mapping, root tableStatement) (superseded int64, err error) {
	if p.hasStaged(plan.root.name) {
		if superseded, err = p.exec(ctx, render("delete_read_before_deletion", root), plan.Name); err != nil {
			return 0, err
		}
	}
	_, err = p.exec(ctx, render("delete_obsolete_deletions", root), plan.Name)
	return superseded, err
}

// callGuard tells the caller's guard what has left the tables, whatever took it
// with it. Its error rolls all of it back.
func (p *publisher) callGuard(ctx context.Context) error {
	if p.Guard == nil {
		return nil
	}
	var all []TableDeletions
	for _, plan := range p.allMappings() {
		for _, t := range plan.tables() {
			leaving := TableDeletions{Table: t.name, Deleted: int64(len(p.deleted[t.name]))}
			if leaving.Deleted == 0 {
				continue
			}
			sql := "select count(*) from " + p.newTableStatement(plan, t).Mirror + " where tenant_id = $1"
			if err := p.tx.QueryRow(ctx, sql, p.tenant).Scan(&leaving.Rows); err != nil {
				return fmt.Errorf("count the rows of %s: %w", t.name, err)
			}
			leaving.Rows += leaving.Deleted - p.inserted[t.name]
			all = append(all, leaving)
		}
	}
	return p.Guard(all)
}

// execMode leads the arguments of a statement that names the run's own tables: to
// prepare it first would cost a round trip for nothing.
const execMode = pgx.QueryExecModeExec

// exec executes a statement whose $1 is the tenant; args follow.
func (p *publisher) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := p.tx.Exec(ctx, sql, append([]any{execMode, p.tenant}, args...)...)
	return tag.RowsAffected(), err
}
