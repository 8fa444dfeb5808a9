package docs

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

const dictionaryHead = `# Data dictionary

What every table and column of the mirror means, as the database itself says: ` + "`\\d+ logto.users`" + ` in psql shows the same. Written by ` + "`make docs`" + `; [data-model.svg](data-model.svg) shows how the tables hang together.

Every table has **tenant_id**, the tenant's name in ` + "`jobs.yaml`" + `, which leads its key and every reference. A column in **bold** is of the key.
`

// WriteDictionary writes the data dictionary as Markdown.
func (m *Model) WriteDictionary(w io.Writer) error {
	var b strings.Builder
	b.WriteString(dictionaryHead)
	b.WriteString("\n## Schema `logto`: what the tenant has now\n")
	for _, g := range m.groups() {
		fmt.Fprintf(&b, "\n### %s\n", g.title)
		for _, column := range g.columns {
			for _, name := range column {
				writeTable(&b, m.table(mirrored, name))
			}
		}
	}
	m.writePast(&b)
	b.WriteString("\n## Schema `report`: views\n")
	for _, t := range m.in(report) {
		writeTable(&b, t)
	}
	b.WriteString("\n## Schema `report`: functions\n")
	for _, f := range m.Functions {
		fmt.Fprintf(&b, "\n#### %s\n\n%s\n\n```sql\nreport.%s(%s)\n    returns %s\n```\n", f.Name, f.Comment, f.Name, f.Arguments, f.Result)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeTable(b *strings.Builder, t *Table) {
	fmt.Fprintf(b, "\n#### %s\n\n%s\n\n| column | type | |\n|---|---|---|\n", t.Name, t.Comment)
	for _, c := range t.Columns {
		if c.Name != "tenant_id" || t.View {
			fmt.Fprintf(b, "| %s | %s | %s |\n", nameOf(t, c), typeOf(t, c), meaning(c))
		}
	}
}

func nameOf(t *Table, c *Column) string {
	if slices.Contains(t.Key, c.Name) {
		return "**" + c.Name + "**"
	}
	return c.Name
}

// typeOf says of a table's column whether it may be null; of a view's the
// database does not know.
func typeOf(t *Table, c *Column) string {
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

func meaning(c *Column) string {
	text := strings.ReplaceAll(c.Comment, "|", `\|`)
	if c.Target != "" {
		text = strings.TrimSpace(fmt.Sprintf("%s → [%s](#%s)", text, c.Target, c.Target))
	}
	return text
}

// writePast says what history has besides the columns of the mirror.
func (m *Model) writePast(b *strings.Builder) {
	b.WriteString("\n## Schema `logto_history`: what was before\n\nA row for every version that was replaced or deleted, in a table of the same name with the same columns")
	var more []*Column
	without := map[string]bool{}
	for _, t := range m.in(past) {
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
	for name, gone := range without {
		if gone {
			less = append(less, name)
		}
	}
	slices.Sort(less)
	if less != nil {
		b.WriteString(", without " + strings.Join(less, ", "))
	}
	b.WriteString(", and besides:\n\n| column | type | |\n|---|---|---|\n")
	for _, c := range more {
		fmt.Fprintf(b, "| %s | %s | %s |\n", c.Name, typeOf(&Table{}, c), meaning(c))
	}
}

func (t *Table) has(column string) bool {
	return slices.ContainsFunc(t.Columns, func(c *Column) bool { return c.Name == column })
}
