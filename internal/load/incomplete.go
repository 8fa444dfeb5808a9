package load

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// incompleteTable holds, of the items a run has staged, those that do not list
// their elements: an absent field is no empty list.
const incompleteTable = "incomplete"

// incompleteItem is an item in which the field of a nested table is not a list, or
// has elements without an id.
type incompleteItem struct {
	table      string
	field      string
	parent, id string
	seq        int64
}

// noteIncomplete notes which elements of the item just encoded are not known.
func (b *Batch) noteIncomplete(parent, id string, seq int64) {
	b.notes.incomplete++
	for j, listed := range b.listed {
		if !listed {
			t := b.mapping.nested[j]
			b.incompletes = append(b.incompletes, incompleteItem{t.name, t.Field, parent, id, seq})
		}
	}
}

// IncompleteFields returns the fields whose elements are not all known in some item
// of the batch, sorted.
func (b *Batch) IncompleteFields() (fields []string) {
	for _, i := range b.incompletes {
		fields = append(fields, i.field)
	}
	slices.Sort(fields)
	return slices.Compact(fields)
}

func (s *Stage) writeIncomplete(ctx context.Context, tx pgx.Tx, batches []*Batch) error {
	var tuples []byte
	for _, b := range batches {
		for _, i := range b.incompletes {
			tuples = appendInt64(appendTextFields(appendCount(tuples, 7), s.tenant, b.mapping.Name, i.table, i.field, i.parent, i.id), i.seq)
		}
	}
	if len(tuples) == 0 {
		return nil
	}
	columns := []string{tenantColumn, "listing", "table_name", "field", "parent", "id", seqColumn}
	if err := s.copyRows(ctx, tx, incompleteTable, columns, bytes.NewReader(tuples)); err != nil {
		return fmt.Errorf("stage which items are incomplete: %w", err)
	}
	return nil
}

// findIncompleteFields finds the fields of a listing that the last reading of some
// item does not list.
func (p *publisher) findIncompleteFields(ctx context.Context, plan *mapping) error {
	if !p.hasStaged(incompleteTable) || !p.hasStaged(plan.root.name) {
		return nil
	}
	sql := render("select_incomplete_fields", p.newTableStatement(plan, plan.root))
	rows, err := p.tx.Query(ctx, sql, execMode, p.tenant, plan.Name)
	if err != nil {
		return err
	}
	p.changes[plan.Name].Incomplete, err = pgx.AppendRows([]string(nil), rows, pgx.RowTo[string])
	return err
}

// IsIncomplete compares an incomplete item, alias i, with a row of the root's
// stage.
func (m tableStatement) IsIncomplete(alias string) string {
	parent := "''"
	if column := m.listing.ParentColumn(); column != "" {
		parent = alias + "." + quote(column)
	}
	return fmt.Sprintf("i.id = %s.%s and i.parent = %s and i.stage_seq = %s.stage_seq", alias, quote(m.listing.IDColumn()), parent, alias)
}

// elementsIncomplete is IsIncomplete for the elements of the statement's table.
func (m tableStatement) elementsIncomplete(alias string) string {
	return fmt.Sprintf("i.listing = '%s' and i.table_name = '%s' and %s", m.listing.Name, m.t.name, m.IsIncomplete(alias))
}
