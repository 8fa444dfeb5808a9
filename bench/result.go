package main

import (
	"fmt"
	"strconv"
	"strings"
)

// A result is a row of the table: a promise and what was measured.
type result struct {
	name, method string
	value        float64
	unit         string
	comparison   string // of the value with the limit, "≤" or "≥"; empty if there is no limit
	limit        float64
	detail       string
}

// atMost is a result whose value must not exceed the limit.
func atMost(name, method string, value, limit float64, unit, detail string) result {
	return result{name, method, value, unit, "≤", limit, detail}
}

// atLeast is a result whose value must reach the limit.
func atLeast(name, method string, value, limit float64, unit, detail string) result {
	return result{name, method, value, unit, "≥", limit, detail}
}

// informational is a result without a limit, to compare others with.
func informational(name, method string, value float64, unit, detail string) result {
	return result{name, method, value, unit, "", 0, detail}
}

func (r result) holds() bool {
	switch r.comparison {
	case "≤":
		return r.value <= r.limit
	case "≥":
		return r.value >= r.limit
	}
	return true
}

// texts are what was measured, what is promised, and whether that holds.
func (r result) texts() (measured, promised, verdict string) {
	measured = number(r.value) + r.unit
	if r.comparison == "" {
		return measured, "", ""
	}
	verdict = "yes"
	if !r.holds() {
		verdict = "**no**"
	}
	return measured, r.comparison + " " + number(r.limit) + r.unit, verdict
}

func (r result) textLine() string {
	measured, promised, verdict := r.texts()
	return fmt.Sprintf("%-34s %12s  %10s  %-6s %s", r.name, measured, promised, verdict, r.detail)
}

// TableRow is the row of the table in the report.
func (r result) TableRow() string {
	measured, promised, verdict := r.texts()
	return "| " + strings.Join([]string{r.name, r.method, promised, measured, verdict, r.detail}, " | ") + " |"
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

// thousands writes a number that is not negative with thousands separators.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
