package main

import (
	"fmt"
	"strconv"
	"strings"
)

// A result is a row of the table: a promise and what was measured.
type result struct {
	name, method  string
	value         float64
	unit          string
	limit         float64
	atLeast       bool // the limit is the minimum, not the maximum
	informational bool // there is no limit
	detail        string
}

// atMost is a result whose value must not exceed the limit.
func atMost(name, method string, value, limit float64, unit, detail string) result {
	return result{name: name, method: method, value: value, unit: unit, limit: limit, detail: detail}
}

func atLeast(name, method string, value, limit float64, unit, detail string) result {
	r := atMost(name, method, value, limit, unit, detail)
	r.atLeast = true
	return r
}

// informational is a result without a limit, to compare others with.
func informational(name, method string, value float64, unit, detail string) result {
	return result{name: name, method: method, value: value, unit: unit, detail: detail, informational: true}
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

func (r result) promisedText() string {
	switch {
	case r.informational:
		return ""
	case r.atLeast:
		return "≥ " + number(r.limit) + r.unit
	}
	return "≤ " + number(r.limit) + r.unit
}

func (r result) measuredText() string { return number(r.value) + r.unit }

func (r result) verdictText() string {
	switch {
	case r.informational:
		return ""
	case r.holds():
		return "yes"
	}
	return "**no**"
}

func (r result) textLine() string {
	return fmt.Sprintf("%-34s %12s  %10s  %-6s %s", r.name, r.measuredText(), r.promisedText(), r.verdictText(), r.detail)
}

func (r result) tableRow() string {
	return "| " + strings.Join([]string{r.name, r.method, r.promisedText(), r.measuredText(), r.verdictText(), r.detail}, " | ") + " |"
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

// thousands writes a number with thousands separators.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
