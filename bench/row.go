package main

import (
	"fmt"
	"strings"
)

// A row of the table: what was promised and what was measured.
type row struct {
	what, how string
	value     float64
	unit      string
	bar       float64
	atLeast   bool // bar is the least, else the most
	noBar     bool // only to compare with
	detail    string
}

// atMost is a row whose value may not exceed the bar.
func atMost(what, how string, value, bar float64, unit, detail string) row {
	return row{what: what, how: how, value: value, unit: unit, bar: bar, detail: detail}
}

func atLeast(what, how string, value, bar float64, unit, detail string) row {
	r := atMost(what, how, value, bar, unit, detail)
	r.atLeast = true
	return r
}

func (r row) holds() bool {
	switch {
	case r.noBar:
		return true
	case r.atLeast:
		return r.value >= r.bar
	}
	return r.value <= r.bar
}

func (r row) promised() string {
	switch {
	case r.noBar:
		return ""
	case r.atLeast:
		return "≥ " + number(r.bar) + r.unit
	}
	return "≤ " + number(r.bar) + r.unit
}

func (r row) measured() string { return number(r.value) + r.unit }

func (r row) verdict() string {
	switch {
	case r.noBar:
		return ""
	case r.holds():
		return "yes"
	}
	return "**no**"
}

func (r row) text() string {
	return fmt.Sprintf("%-34s %12s  %10s  %-6s %s", r.what, r.measured(), r.promised(), r.verdict(), r.detail)
}

func (r row) markdown() string {
	return "| " + strings.Join([]string{r.what, r.how, r.promised(), r.measured(), r.verdict(), r.detail}, " | ") + " |"
}

func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.3f", v), "0"), ".")
}
