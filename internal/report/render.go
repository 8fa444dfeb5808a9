package report

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Formats names what NewRenderer can write.
func Formats() []string { return []string{"table", "csv", "json", "md", "xlsx"} }

// NewRenderer returns a renderer that writes to w in a format: table (aligned, at
// most width columns wide), csv (a line of names first; null is empty), json
// (an array of objects), md (a Markdown table) or xlsx (a workbook, in which
// nothing is a formula). Other formats are an error.
func NewRenderer(format string, w io.Writer, width int) (Renderer, error) {
	switch format {
	case "table":
		return &tableRenderer{w: bufio.NewWriter(w), width: width}, nil
	case "csv":
		return &csvRenderer{csv.NewWriter(w)}, nil
	case "json":
		return &jsonRenderer{w: bufio.NewWriter(w)}, nil
	case "md":
		return &mdRenderer{bufio.NewWriter(w)}, nil
	case "xlsx":
		return newXLSX(w)
	}
	return nil, fmt.Errorf("unknown format %q, it must be one of %s", format, strings.Join(Formats(), ", "))
}

// formatValue is a value for people to read; null is empty.
func formatValue(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case json.RawMessage:
		return string(v)
	case []any:
		parts := make([]string, len(v))
		for i, element := range v {
			parts[i] = formatValue(element)
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(value)
}

type csvRenderer struct{ w *csv.Writer }

func (r *csvRenderer) Begin(columns []Column) error {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return r.w.Write(names)
}

func (r *csvRenderer) Row(values []any) error {
	record := make([]string, len(values))
	for i, v := range values {
		record[i] = formatValue(v)
	}
	return r.w.Write(record)
}

func (r *csvRenderer) End() error {
	r.w.Flush()
	return r.w.Error()
}

type jsonRenderer struct {
	w       *bufio.Writer
	columns []Column
	rows    int
}

func (r *jsonRenderer) Begin(columns []Column) error {
	r.columns = columns
	_, err := r.w.WriteString("[")
	return err
}

func (r *jsonRenderer) Row(values []any) error {
	separator := "\n"
	if r.rows > 0 {
		separator = ",\n"
	}
	r.rows++
	line := []byte(separator + " {")
	for i, v := range values {
		if moment, ok := v.(string); ok && r.columns[i].Type == "timestamptz" {
			v = postgresTimeToRFC3339(moment)
		}
		name, err := json.Marshal(r.columns[i].Name)
		if err != nil {
			return err
		}
		value, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("write column %s: %w", r.columns[i].Name, err)
		}
		if i > 0 {
			line = append(line, ", "...)
		}
		line = append(append(append(line, name...), ": "...), value...)
	}
	_, err := r.w.Write(append(line, '}'))
	return err
}

func (r *jsonRenderer) End() error {
	end := "\n]\n"
	if r.rows == 0 {
		end = "]\n"
	}
	if _, err := r.w.WriteString(end); err != nil {
		return err
	}
	return r.w.Flush()
}

// postgresTimeToRFC3339 is a moment as JSON has it, of one in UTC as Postgres writes it;
// infinity stays.
func postgresTimeToRFC3339(moment string) string {
	if before, ok := strings.CutSuffix(moment, "+00"); ok {
		return strings.Replace(before, " ", "T", 1) + "Z"
	}
	return moment
}

type mdRenderer struct{ w *bufio.Writer }

func (r *mdRenderer) Begin(columns []Column) error {
	names, lines := "|", "|"
	for _, c := range columns {
		names += " " + escapeMarkdownCell(c.Name) + " |"
		if c.Numeric {
			lines += " ---: |"
		} else {
			lines += " --- |"
		}
	}
	_, err := fmt.Fprintf(r.w, "%s\n%s\n", names, lines)
	return err
}

func (r *mdRenderer) Row(values []any) error {
	var line strings.Builder
	for _, v := range values {
		line.WriteString("| " + escapeMarkdownCell(formatValue(v)) + " ")
	}
	_, err := r.w.WriteString(line.String() + "|\n")
	return err
}

func (r *mdRenderer) End() error { return r.w.Flush() }

// escapeMarkdownCell is text that neither ends a cell of a Markdown table nor is markup.
func escapeMarkdownCell(s string) string {
	return strings.NewReplacer("|", `\|`, "\r\n", "<br>", "\n", "<br>", "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`).Replace(s)
}
