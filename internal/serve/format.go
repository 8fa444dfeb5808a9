package serve

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"logto-syncer/internal/state"
)

// formatTime formats a time for the page.
func formatTime(v any) string {
	switch t := v.(type) {
	case time.Time:
		if !t.IsZero() {
			return t.UTC().Format("2006-01-02 15:04:05") + " UTC"
		}
	case *time.Time:
		if t != nil {
			return formatTime(*t)
		}
	}
	return "never"
}

// formatAge formats how long ago a time was, in one unit.
func formatAge(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	switch d := now.Sub(t); {
	case d < 0:
		return "in " + strings.TrimSuffix(formatAge(t, now), " ago")
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// formatCount formats a number with thousands separators.
func formatCount(v any) string {
	n, ok := v.(int64)
	if i, isInt := v.(int); !ok && isInt {
		n = int64(i)
	}
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func formatSeconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// countChangedRows returns how many rows a run changed.
func countChangedRows(r state.RunRecord) int64 {
	var n int64
	for _, c := range r.Listings {
		n += c.Inserted + c.Updated + c.Deleted
	}
	return n
}

// formatProvedListings says how many of a run's listings are proved.
func formatProvedListings(r state.RunRecord) string {
	n := 0
	for _, c := range r.Listings {
		if c.Proof == "complete" || c.Proof == "unknown to server" {
			n++
		}
	}
	return fmt.Sprintf("%d of %d", n, len(r.Listings))
}

// displayStatus returns the status of a run; a run whose process died is shown
// as interrupted.
func displayStatus(r state.RunRecord) string {
	if r.Status == state.Running && !r.Alive {
		return "interrupted"
	}
	return r.Status
}

// pluralNoun returns the noun, in the plural unless n is one.
func pluralNoun(n int, noun string) string {
	switch {
	case n == 1:
		return noun
	case strings.HasSuffix(noun, "s"):
		return noun + "es"
	}
	return noun + "s"
}
