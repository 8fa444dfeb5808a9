package load

import (
	"embed"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/jackc/pgx/v5"

	"logto-syncer/internal/catalog"
)

//go:embed sql/*.sql
var files embed.FS

var statements = template.Must(template.ParseFS(files, "sql/*.sql"))

// render returns a statement with what it says of a table, such as a
// tableStatement; nil: it is the same for all.
func render(name string, of any) string {
	var b strings.Builder
	if err := statements.ExecuteTemplate(&b, name+".sql", of); err != nil {
		panic(err) // the templates and what fills them are of one program
	}
	return b.String()
}

func quote(name string) string { return pgx.Identifier{name}.Sanitize() }

// tableStatement is what the statements say of one table: the mirror's, its history,
// its stage. In their words, m is the mirror's row and s the stage's.
type tableStatement struct {
	t       *table
	listing *catalog.Listing
	root    *table
	now     listingShape              // the rows in the stage are stored in
	shapes  map[shapeTag]listingShape // rows in the mirror may be stored in

	Mirror, History, Stage, RootStage, Deletions, Incomplete string // quoted names
	Nested                                                   bool   // not the root table
	Staged                                                   bool   // the run has staged rows of the table
	Redacts                                                  bool   // the mirror's rows are under other privacy rules
	Empty                                                    bool   // the mirror has no rows of the tenant
	DeleteWhere                                              string // which rows of the mirror leave
	Column, Target                                           string // a reference and the table it points at
	Analyzed                                                 bool   // the planner has statistics of the stage
}

func (p *publisher) newTableStatement(plan *mapping, t *table) tableStatement {
	return tableStatement{
		t: t, listing: plan.Listing, root: plan.root, now: plan.described, shapes: p.shapes[plan.Name],
		Mirror: "logto." + quote(t.name), History: "logto_history." + quote(t.name),
		Stage: p.stageTable(t.name), RootStage: p.stageTable(plan.root.name), Deletions: p.stageTable(deletionsTable), Incomplete: p.stageTable(incompleteTable),
		Nested: t != plan.root, Staged: p.hasStaged(t.name), Empty: p.empty[t.name],
		Redacts: t.rules != p.StoredRules[t.name], Analyzed: !p.shared,
	}
}

// OptimizationFence ends the query of a "not exists" that is to be looked up by key, row by
// row. Without statistics the planner makes it a nested loop over both tables.
func (m tableStatement) OptimizationFence() string {
	if m.Analyzed {
		return ""
	}
	return " offset 0"
}

func (m tableStatement) keyColumns() []string { return append([]string{tenantColumn}, m.t.Key...) }

// Keys lists the columns of the primary key.
func (m tableStatement) Keys() string { return columnList("", m.keyColumns()) }

// RowIDColumn is the column of the row's own id.
func (m tableStatement) RowIDColumn() string { return quote(m.t.Key[len(m.t.Key)-1]) }

// Columns lists the columns that hold something of an item, and the tenant's.
func (m tableStatement) Columns(prefix string) string {
	names := append([]string{tenantColumn}, m.dataColumns()...)
	return columnList(prefix, names)
}

// RedactedValues lists the values of Columns in the mirror's rows, as the privacy
// rules leave them.
func (m tableStatement) RedactedValues() string {
	values := []string{"m." + quote(tenantColumn)}
	for _, name := range m.dataColumns() {
		values = append(values, m.redactedColumn(name))
	}
	return strings.Join(values, ", ")
}

// redactedColumn is a column of the mirror's row, as the privacy rules leave it.
func (m tableStatement) redactedColumn(name string) string {
	if !m.Redacts {
		return "m." + quote(name)
	}
	return m.t.redactedSQL(name, "m."+quote(name))
}

// HMACPadsRelation is the relation with the pads that hashes of old values need, $3 and $4,
// behind a comma; empty where no value is redacted.
func (m tableStatement) HMACPadsRelation() string {
	if !m.Redacts {
		return ""
	}
	return ", (select $3::bytea as inner_pad, $4::bytea as outer_pad) k"
}

// dataColumns returns the columns that hold something of an item.
func (m tableStatement) dataColumns() []string {
	names := make([]string, len(m.t.columns), len(m.t.columns)+1)
	for i, c := range m.t.columns {
		names[i] = c.name
	}
	if m.t.hasExtra {
		names = append(names, extraColumn)
	}
	return names
}

// NonKeyColumns lists the columns that are not of the key; a constant if there are
// none.
func (m tableStatement) NonKeyColumns(prefix string) string {
	names := slices.DeleteFunc(m.dataColumns(), func(name string) bool { return slices.Contains(m.t.Key, name) })
	if !m.Nested {
		names = append(names, hashColumn)
	}
	if len(names) == 0 {
		return "1"
	}
	return columnList(prefix, names)
}

// Assign sets what is not the key to the stage's values.
func (m tableStatement) Assign() string {
	var set []string
	for _, name := range m.dataColumns() {
		if !slices.Contains(m.t.Key, name) {
			set = append(set, quote(name)+" = s."+quote(name))
		}
	}
	if !m.Nested {
		set = append(set, "item_hash = s.item_hash")
	}
	return strings.Join(set, ", ")
}

// KeysMatch compares the primary keys of two aliases, whose tenant the statement
// names.
func (m tableStatement) KeysMatch(a, b string) string {
	var pairs []string
	for _, key := range m.t.Key {
		pairs = append(pairs, a+"."+quote(key)+" = "+b+"."+quote(key))
	}
	return strings.Join(pairs, " and ")
}

// RootMatch compares an element, under alias a, with its item, under alias r. The
// statement names the tenant of both.
func (m tableStatement) RootMatch(a, r string) string {
	return m.ownerMatch(a, r+"."+quote(m.listing.IDColumn()), r+"."+quote(m.listing.ParentColumn()))
}

// ownerMatch compares the columns in which an element names its item and its
// item's parent with the given expressions.
func (m tableStatement) ownerMatch(alias, id, parent string) string {
	var matches []string
	for _, c := range slices.Sorted(maps.Keys(m.t.From)) {
		switch source := m.t.From[c]; {
		case source.IsItemID():
			matches = append(matches, alias+"."+quote(c)+" = "+id)
		case source.IsParentID():
			matches = append(matches, alias+"."+quote(c)+" = "+parent)
		}
	}
	return strings.Join(matches, " and ")
}

// MatchesDeletion compares a row of the root table with what is deleted, alias d.
func (m tableStatement) MatchesDeletion(alias string) string {
	sql := alias + "." + quote(m.listing.IDColumn()) + " = d.id"
	if parent := m.listing.ParentColumn(); parent != "" {
		sql += " and " + alias + "." + quote(parent) + " = d.parent"
	}
	return sql
}

// whereDeleted are the items that are deleted, or their elements.
func (m tableStatement) whereDeleted() string {
	match := m.MatchesDeletion("m")
	if m.Nested {
		match = m.ownerMatch("m", "d.id", "d.parent")
	}
	return "exists (select from " + m.Deletions + " d where d.tenant_id = $1 and d.listing = '" + m.listing.Name + "' and " + match + ")"
}

// whereReplacedElement are those the item in the stage no longer has, where it
// lists what it has.
func (m tableStatement) whereReplacedElement(staged, incomplete bool) string {
	listed := ""
	if incomplete {
		listed = " and not exists (select from " + m.Incomplete + " i where i.tenant_id = $1 and " + m.elementsIncomplete("r") + ")"
	}
	sql := "exists (select from " + m.RootStage + " r where r.tenant_id = $1 and " + m.RootMatch("m", "r") + listed + ")"
	if staged {
		sql += " and not exists (select from " + m.Stage + " s where s.tenant_id = $1 and " + m.KeysMatch("m", "s") + ")"
	}
	return sql
}
