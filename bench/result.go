package main

import (
	"fmt"
	"strings"
)

// A result of the table: what was promised and what was measured.
type result struct {
	name, method  string
	value         float64
	unit          string
	limit         float64
	atLeast       bool // bar is the least, else the most
	informational bool // only to compare with
	detail        string
}

// atMost is a row whose value may not exceed the bar.
func atMost(what, how string, value, bar float64, unit, detail string) result {
	return result{name: what, method: how, value: value, unit: unit, limit: bar, detail: detail}
}

func atLeast(what, how string, value, bar float64, unit, detail string) result {
	r := atMost(what, how, value, bar, unit, detail)
	r.atLeast = true
	return r
}

func (r result) holds() bool {
	switch {
	case r.informational:
		return true
	case r.atLeast:
		return r.value >= r.limit
	}
	return r.value <= r.limit
}

func (r result) promised() string {
	switch {
	case r.informational:
		return ""
	case r.atLeast:
		return "≥ " + number(r.limit) + r.unit
	}
	return "≤ " + number(r.limit) + r.unit
}

func (r result) measured() string { return number(r.value) + r.unit }

func (r result) verdict() string {
	switch {
	case r.informational:
		return ""
	case r.holds():
		return "yes"
	}
	return "**no**"
}

func (r result) textLine() string {
	return fmt.Sprintf("%-34s %12s  %10s  %-6s %s", r.name, r.measured(), r.promised(), r.verdict(), r.detail)
}

func (r result) tableRow() string {
	return "| " + strings.Join([]string{r.name, r.method, r.promised(), r.measured(), r.verdict(), r.detail}, " | ") + " |"
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
