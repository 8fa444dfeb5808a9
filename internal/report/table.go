package report

import (
	"bufio"
	"fmt"
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// sample is how many rows a table's columns are made to fit; later ones have
// to fit the columns.
const sample = 1000

// narrowest is how narrow a column may become before the table is written as
// one record below the other.
const narrowest = 6

// tableRenderer writes an aligned table. Columns that do not fit into the width
// together are cut, the widest first, and end in an ellipsis where they are, but
// for ids, times and numbers, which are of no use in part. Where that is not
// enough, and for a single row, each row is written as a record instead, a line
// a column, and whole.
type tableRenderer struct {
	w       *bufio.Writer
	width   int
	columns []Column
	held    [][]string
	widths  []int // nil: rows are held
	records bool  // too many columns for the width
	rows    int
}

func (r *tableRenderer) Begin(columns []Column) error {
	r.columns = columns
	return nil
}

func (r *tableRenderer) Row(values []any) error {
	r.rows++
	cells := make([]string, len(values))
	for i, v := range values {
		cells[i] = sanitizeForTerminal(formatValue(v))
	}
	if r.widths != nil {
		return r.writeRow(cells)
	}
	if r.held = append(r.held, cells); len(r.held) < sample {
		return nil
	}
	return r.release()
}

func (r *tableRenderer) End() error {
	if r.widths == nil {
		if err := r.release(); err != nil {
			return err
		}
	}
	rows := "rows"
	if r.rows == 1 {
		rows = "row"
	}
	if _, err := fmt.Fprintf(r.w, "(%d %s)\n", r.rows, rows); err != nil {
		return err
	}
	return r.w.Flush()
}

// release settles the widths and writes the rows held.
func (r *tableRenderer) release() error {
	r.fitColumnWidths()
	lines := r.held
	if !r.records {
		names, rule := make([]string, len(r.columns)), make([]string, len(r.columns))
		for i, c := range r.columns {
			names[i], rule[i] = c.Name, strings.Repeat("-", r.widths[i])
		}
		lines = append([][]string{names, rule}, lines...)
	}
	for _, cells := range lines {
		if err := r.writeRow(cells); err != nil {
			return err
		}
	}
	r.held = nil
	return nil
}

func (r *tableRenderer) fitColumnWidths() {
	r.widths = make([]int, len(r.columns))
	total := 2 * (len(r.columns) - 1)
	for i, c := range r.columns {
		r.widths[i] = terminalRuneWidth().StringWidth(c.Name)
		for _, cells := range r.held {
			r.widths[i] = max(r.widths[i], terminalRuneWidth().StringWidth(cells[i]))
		}
		total += r.widths[i]
	}
	if total > r.width && len(r.held) == 1 { // of one row nothing need be cut
		r.records = true
		return
	}
	for ; total > r.width; total-- {
		widest := -1
		for i, w := range r.widths {
			if !r.columns[i].neverTruncated() && (widest < 0 || w > r.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 || r.widths[widest] <= narrowest {
			r.records = true
			return
		}
		r.widths[widest]--
	}
}

func (r *tableRenderer) writeRow(cells []string) error {
	if r.records {
		return r.writeExpanded(cells)
	}
	var line strings.Builder
	for i, cell := range cells {
		if i > 0 {
			line.WriteString("  ")
		}
		if !r.columns[i].neverTruncated() {
			cell = terminalRuneWidth().Truncate(cell, r.widths[i], "…")
		}
		space := strings.Repeat(" ", max(0, r.widths[i]-terminalRuneWidth().StringWidth(cell)))
		if r.columns[i].Numeric {
			line.WriteString(space + cell)
		} else {
			line.WriteString(cell + space)
		}
	}
	_, err := r.w.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	return err
}

// writeExpanded writes a row as lines, a column each, and more of them where a
// value is longer.
func (r *tableRenderer) writeExpanded(cells []string) error {
	longest := 0
	for _, c := range r.columns {
		longest = max(longest, terminalRuneWidth().StringWidth(c.Name))
	}
	for i, cell := range cells {
		name := terminalRuneWidth().FillRight(r.columns[i].Name, longest)
		cell = terminalRuneWidth().Wrap(cell, max(narrowest, r.width-longest-2))
		for line := range strings.Lines(cell + "\n") {
			if _, err := r.w.WriteString(strings.TrimRight(name+"  "+strings.TrimSuffix(line, "\n"), " ") + "\n"); err != nil {
				return err
			}
			name = strings.Repeat(" ", longest)
		}
	}
	_, err := r.w.WriteString("\n")
	return err
}

// terminalRuneWidth measures text as a terminal shows it, whatever the locale is.
func terminalRuneWidth() *runewidth.Condition { return &runewidth.Condition{StrictEmojiNeutral: true} }

// sanitizeForTerminal replaces what would move the cursor or colour the terminal: names are
// chosen by strangers.
func sanitizeForTerminal(s string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' {
			return ' '
		}
		if unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) {
			return unicode.ReplacementChar
		}
		return c
	}, s)
}
