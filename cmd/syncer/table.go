package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A table is text in columns: those of the first row are its headings.
type table [][]string

// String lays the table out, two spaces between columns. A column is aligned
// to the right when all there is below its heading are numbers.
func (t table) String() string {
	if len(t) == 0 {
		return ""
	}
	widths := make([]int, len(t[0]))
	right := make([]bool, len(t[0]))
	for c := range t[0] {
		right[c] = len(t) > 1
		for r, row := range t {
			widths[c] = max(widths[c], utf8.RuneCountInString(row[c]))
			right[c] = right[c] && (r == 0 || isNumericCell(row[c]))
		}
	}
	var b strings.Builder
	for _, row := range t {
		cells := make([]string, len(row))
		for c, cell := range row {
			pad := strings.Repeat(" ", widths[c]-utf8.RuneCountInString(cell))
			if right[c] {
				cells[c] = pad + cell
			} else {
				cells[c] = cell + pad
			}
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	}
	return b.String()
}

func isNumericCell(cell string) bool {
	return strings.Trim(cell, "0123456789,.-+>=%s ") == ""
}

// thousands writes a number with commas between the thousands.
func thousands[N ~int | ~int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// countedNoun writes so many of a thing.
func countedNoun[N ~int | ~int64](n N, thing string) string {
	return thousands(n) + " " + noun(int64(n), thing)
}

// noun returns the noun that goes with n things.
func noun(n int64, singular string) string {
	switch {
	case n == 1:
		return singular
	case singular == "person":
		return "people"
	}
	return singular + "s"
}
