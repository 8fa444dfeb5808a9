package load

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// mergeListing brings the tables of one listing up to what was read of it.
func (p *publisher) mergeListing(ctx context.Context, plan *mapping) error {
	change := p.changes[plan.Name]
	for _, t := range plan.tables() {
		if !p.hasStaged(t.name) {
			continue
		}
		if err := p.withholdDangling(ctx, plan, t); err != nil {
			return err
		}
	}
	if p.hasStaged(plan.root.name) {
		if err := p.upsertItems(ctx, plan, change); err != nil {
			return err
		}
	}
	if p.Proved[plan.Name] && change.Incomplete == nil && p.hasStaged(deletionsTable) {
		return p.deleteConfirmed(ctx, plan, change)
	}
	return nil
}

// withholdDangling takes rows out of the stage that point at what the mirror does not
// have, and with an item its elements.
func (p *publisher) withholdDangling(ctx context.Context, plan *mapping, t *table) error {
	for _, ref := range t.Refs {
		if ref.Table == plan.root.name && t != plan.root {
			continue // an element and its item come and go together
		}
		m := p.newTableStatement(plan, t)
		m.Column, m.Target = quote(ref.Column), "logto."+quote(ref.Table)
		if m.Nested && p.hasStaged(plan.root.name) {
			if _, err := p.exec(ctx, render("reset_hash_of_partly_withheld", m)); err != nil {
				return err
			}
		}
		n, err := p.exec(ctx, render("unstage_dangling", m))
		if err != nil {
			return err
		}
		p.changes[plan.Name].Withheld += n
		if !m.Nested {
			p.changes[plan.Name].WithheldItems += n
		}
		if n > 0 && !m.Nested {
			if err := p.unstageOrphanElements(ctx, plan); err != nil {
				return err
			}
		}
	}
	return nil
}

// unstageOrphanElements takes elements out of the stage whose item is not in it.
func (p *publisher) unstageOrphanElements(ctx context.Context, plan *mapping) error {
	for _, t := range plan.nested {
		if !p.hasStaged(t.name) {
			continue
		}
		if _, err := p.exec(ctx, render("unstage_orphan_elements", p.newTableStatement(plan, t))); err != nil {
			return err
		}
	}
	return nil
}

// upsertItems writes the items that are new or changed, and their elements.
func (p *publisher) upsertItems(ctx context.Context, plan *mapping, change *ChangeCounts) (err error) {
	for _, t := range plan.nested {
		if err := p.mergeElements(ctx, plan, t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	m := p.newTableStatement(plan, plan.root)
	if change.Updated, err = p.updateChanged(ctx, plan.root, m); err != nil {
		return err
	}
	change.Inserted, err = p.exec(ctx, render("insert_new", m), p.At)
	p.inserted[plan.root.name] += change.Inserted
	return err
}

// mergeElements replaces the elements of the items in the stage, and writes only
// those that differ.
func (p *publisher) mergeElements(ctx context.Context, plan *mapping, t *table) error {
	m := p.newTableStatement(plan, t)
	m.DeleteWhere = m.whereReplacedElement(p.hasStaged(t.name), p.changes[plan.Name].Incomplete != nil)
	if err := p.deleteMirrorRows(ctx, t, m, nil); err != nil {
		return err
	}
	if !p.hasStaged(t.name) {
		return nil
	}
	if _, err := p.updateChanged(ctx, t, m); err != nil {
		return err
	}
	n, err := p.exec(ctx, render("insert_new", m), p.At)
	p.inserted[t.name] += n
	return err
}

// updateChanged updates the rows that are there and differ, and moves what they were
// to history. Where the tenant has no rows yet, as in a first run, there is
// nothing to compare with.
func (p *publisher) updateChanged(ctx context.Context, t *table, m tableStatement) (updated int64, err error) {
	if m.Empty || m.Nested && len(t.columns) == len(t.Key) {
		return 0, nil
	}
	args := []any{p.At}
	if m.Redacts {
		inner, outer := hmacPads(p.privacy.Key)
		args = append(args, inner, outer)
	}
	if err := p.insertHistory(ctx, t, "insert_history", m, args...); err != nil {
		return 0, err
	}
	return p.exec(ctx, render("update_changed", m), args...)
}

// deleteConfirmed deletes the items that are deleted, and their elements.
func (p *publisher) deleteConfirmed(ctx context.Context, plan *mapping, change *ChangeCounts) error {
	for _, t := range plan.nested {
		m := p.newTableStatement(plan, t)
		m.DeleteWhere = m.whereDeleted()
		if err := p.deleteMirrorRows(ctx, t, m, nil); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	m := p.newTableStatement(plan, plan.root)
	m.DeleteWhere = m.whereDeleted()
	before := len(p.deleted[plan.root.name])
	if err := p.deleteMirrorRows(ctx, plan.root, m, nil); err != nil {
		return err
	}
	change.Deleted += int64(len(p.deleted[plan.root.name]) - before)
	return nil
}

// deleteMirrorRows moves rows of a table that are leaving to its history, and remembers
// their ids for what refers to them. ids are for a condition that names them
// as $3.
func (p *publisher) deleteMirrorRows(ctx context.Context, t *table, m tableStatement, ids []string) error {
	if ids == nil {
		m.DeleteWhere += " and $3::text[] is null"
	}
	rows, err := p.tx.Query(ctx, render("delete_rows", m), execMode, p.tenant, p.At, ids, !p.NoRecord[t.name])
	if err != nil {
		return err
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	p.deleted[t.name] = append(p.deleted[t.name], left...)
	return err
}

// insertHistory writes to the history of a table, if it keeps one.
func (p *publisher) insertHistory(ctx context.Context, t *table, name string, m tableStatement, args ...any) error {
	if p.NoRecord[t.name] {
		return nil
	}
	_, err := p.exec(ctx, render(name, m), args...)
	return err
}

// deleteReferencing removes rows that point at what this run has deleted, as Logto does.
func (p *publisher) deleteReferencing(ctx context.Context, plan *mapping) error {
	for i, t := range plan.tables() {
		for _, ref := range t.Refs {
			ids := p.deleted[ref.Table]
			if len(ids) == 0 {
				continue
			}
			m := p.newTableStatement(plan, t)
			m.DeleteWhere = "m." + quote(ref.Column) + " = any($3)"
			before := len(p.deleted[t.name])
			if err := p.deleteMirrorRows(ctx, t, m, ids); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			if change := p.changes[plan.Name]; change != nil && i == 0 {
				change.Deleted += int64(len(p.deleted[t.name]) - before)
			}
		}
	}
	return nil
}
