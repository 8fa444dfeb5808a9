package docs

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

const diagramHead = `# Data model

The tables of schema ` + "`logto`" + ` with their keys and references. Written by ` + "`make docs`" + ` from the database's keys and comments; the [data dictionary](data-dictionary.md) has every column.

A box shows the key (PK) and the references (FK) of a table. A box with a name alone belongs to another section. Every key and every reference also begins with ` + "`tenant_id`" + `, which is not shown. Tables of schema ` + "`logto_history`" + ` have the same columns and no references.
`

// WriteDiagrams writes the data model as Markdown, with a Mermaid diagram for
// each group of tables. A reference is drawn in the group of the table that has
// it.
func (m *DatabaseModel) WriteDiagrams(w io.Writer) error {
	var b strings.Builder
	b.WriteString(diagramHead)
	for _, g := range m.groups() {
		fmt.Fprintf(&b, "\n## %s\n\n```mermaid\nerDiagram\n", g.title)
		for _, t := range g.tables {
			writeEntity(&b, t)
		}
		for _, t := range g.tables {
			writeRelationships(&b, t)
		}
		b.WriteString("```\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeEntity(b *strings.Builder, t *Table) {
	fmt.Fprintf(b, "    %s {\n", t.Name)
	for _, c := range t.Columns {
		var roles []string
		if slices.Contains(t.Key, c.Name) {
			roles = append(roles, "PK")
		}
		if c.Target != "" {
			roles = append(roles, "FK")
		}
		if roles != nil && c.Name != "tenant_id" {
			fmt.Fprintf(b, "        %s %s %s%s\n", c.Type, c.Name, strings.Join(roles, ", "), mermaidComment(c.Comment))
		}
	}
	b.WriteString("    }\n")
}

func writeRelationships(b *strings.Builder, t *Table) {
	for _, c := range t.Columns {
		if c.Target == "" {
			continue
		}
		one := "o|" // none or one
		if c.Required {
			one = "||"
		}
		fmt.Fprintf(b, "    %s }o--%s %s : %s\n", t.Name, one, c.Target, c.Name)
	}
}

// mermaidComment returns a comment as Mermaid takes it; it has no way to escape a quote.
func mermaidComment(comment string) string {
	if comment == "" {
		return ""
	}
	return ` "` + strings.ReplaceAll(comment, `"`, "'") + `"`
}
