package docs

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"logto-syncer/internal/catalog"
)

const dictionaryHead = `# Data dictionary

Mirrored by default: %s. On request, in a job's ` + "`listings`" + `: %s.

This page has every table and column of the mirror, with the database's own comments: ` + "`\\d+ logto.users`" + ` in psql shows the same. Written by ` + "`make docs`" + `. The [data model](data-model.md) shows how the tables refer to each other.

Every table has **tenant_id**, the tenant's name in ` + "`jobs.yaml`" + `, at the start of its key and of every reference. Columns in **bold** are the key.
`

// WriteDictionary writes the data dictionary as Markdown.
func (m *DatabaseModel) WriteDictionary(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, dictionaryHead, listingLinks(false), listingLinks(true))
	b.WriteString("\n## Schema `logto`: what the tenant has now\n")
	for _, g := range m.groups() {
		fmt.Fprintf(&b, "\n### %s\n", g.title)
		for _, t := range g.tables {
			writeTable(&b, t)
		}
	}
	m.writePast(&b)
	b.WriteString("\n## Schema `report`: views\n")
	for _, t := range m.tablesIn(report) {
		writeTable(&b, t)
	}
	b.WriteString("\n## Schema `report`: functions\n")
	for _, f := range m.Functions {
		fmt.Fprintf(&b, "\n#### %s\n\n%s\n\n```sql\nreport.%s(%s)\n    returns %s\n```\n", f.Name, f.Comment, f.Name, f.Arguments, f.Result)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// listingLinks names the tables of the listings that are read by default, or of those
// that are read only on request.
func listingLinks(optional bool) string {
	var names []string
	for _, l := range catalog.All() {
		if l.Optional == optional {
			names = append(names, fmt.Sprintf("[%[1]s](#%[1]s)", l.Name))
		}
	}
	return strings.Join(names, ", ")
}

func writeTable(b *strings.Builder, t *Table) {
	fmt.Fprintf(b, "\n#### %s\n\n%s\n\n| column | type | |\n|---|---|---|\n", t.Name, t.Comment)
	for _, c := range t.Columns {
		if c.Name != "tenant_id" || t.View {
			fmt.Fprintf(b, "| %s | %s | %s |\n", columnName(t, c), columnType(t, c), columnDescription(c))
		}
	}
}

func columnName(t *Table, c *Column) string {
	if slices.Contains(t.Key, c.Name) {
		return "**" + c.Name + "**"
	}
	return c.Name
}

// columnType is the type of a column and, in a table, whether it may be null. Of the
// columns of a view the database does not know.
func columnType(t *Table, c *Column) string {
	name := c.Type
	for long, short := range map[string]string{"timestamp(3) with time zone": "timestamptz(3)", "timestamp with time zone": "timestamptz"} {
		if name == long {
			name = short
		}
	}
	if c.Required && !t.View {
		return name + ", never null"
	}
	return name
}

func columnDescription(c *Column) string {
	text := strings.ReplaceAll(c.Comment, "|", `\|`)
	if c.Target != "" {
		text = strings.TrimSpace(fmt.Sprintf("%s → [%s](#%s)", text, c.Target, c.Target))
	}
	return text
}

// writePast says how the tables of history differ from those of the mirror.
func (m *DatabaseModel) writePast(b *strings.Builder) {
	b.WriteString("\n## Schema `logto_history`: what the tenant had before\n\nOne row for each version that was replaced or deleted, in a table of the same name with the same columns")
	var more []*Column
	without := map[string]bool{}
	for _, t := range m.tablesIn(past) {
		now := m.table(mirrored, t.Name)
		if now == nil {
			continue
		}
		for _, c := range t.Columns {
			if !now.has(c.Name) && !slices.ContainsFunc(more, func(o *Column) bool { return o.Name == c.Name }) {
				more = append(more, c)
			}
		}
		for _, c := range now.Columns {
			without[c.Name] = without[c.Name] || !t.has(c.Name)
		}
	}
	var less []string
	for name, missing := range without {
		if missing {
			less = append(less, name)
		}
	}
	slices.Sort(less)
	if less != nil {
		b.WriteString(", without " + strings.Join(less, ", "))
	}
	b.WriteString(", and with:\n\n| column | type | |\n|---|---|---|\n")
	for _, c := range more {
		fmt.Fprintf(b, "| %s | %s | %s |\n", c.Name, columnType(&Table{}, c), columnDescription(c))
	}
}

func (t *Table) has(column string) bool {
	return slices.ContainsFunc(t.Columns, func(c *Column) bool { return c.Name == column })
}
