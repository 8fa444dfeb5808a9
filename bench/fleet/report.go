package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"logto-syncer/bench/host"
)

const (
	beginning = "<!-- written by make bench-fleet -->\n"
	end       = "<!-- as far as here -->\n"
)

// report puts the table between its markers in a document.
func (s *stand) report(ctx context.Context, file, table string, took time.Duration) error {
	settings, err := host.Settings(ctx, s.server)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(old, []byte(beginning))
	_, after, found := bytes.Cut(rest, []byte(end))
	if !ok || !found {
		return fmt.Errorf("%s has not both markers", file)
	}
	var b bytes.Buffer
	b.Write(before)
	fmt.Fprintf(&b, "%s\n%s\nMeasured in %s on %s, with %s.\n\n%s", beginning, table, took.Round(time.Second), host.Machine(), settings, end)
	b.Write(after)
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// tableOf is a column for each part. The speed-up is against the first.
func tableOf(all []figures) string {
	var b strings.Builder
	row := func(what string, cell func(*figures) string) {
		fmt.Fprintf(&b, "| %s |", what)
		for i := range all {
			fmt.Fprintf(&b, " %s |", cell(&all[i]))
		}
		b.WriteByte('\n')
	}
	row("", func(f *figures) string { return f.String() })
	fmt.Fprintf(&b, "|---|%s\n", strings.Repeat("---|", len(all)))
	row("tenants", func(f *figures) string { return fmt.Sprint(f.tenants) })
	row("seconds until all were proved", func(f *figures) string { return fmt.Sprintf("%.1f", f.seconds) })
	row("tenants a minute", func(f *figures) string { return fmt.Sprintf("%.0f", f.aMinute()) })
	row("against 1 worker", func(f *figures) string { return fmt.Sprintf("× %.1f", f.aMinute()/all[0].aMinute()) })
	row("seconds to put all into the queue", func(f *figures) string { return fmt.Sprintf("%.1f", f.enqueued) })
	row("seconds of a run, median", func(f *figures) string { return fmt.Sprintf("%.2f", f.run) })
	row("wait in line, median and longest", func(f *figures) string { return fmt.Sprintf("%.1f s, %.1f s", f.median, f.longest) })
	row("overtaken in line by, at most", func(f *figures) string { return fmt.Sprint(f.overtaken) })
	row("runs of a worker, fewest to most", func(f *figures) string {
		fewest, most := f.share()
		return fmt.Sprintf("%d to %d", fewest, most)
	})
	row("processor ms a tenant: workers, Postgres, simulator", func(f *figures) string {
		each := 1000 / float64(f.tenants)
		return fmt.Sprintf("%.0f, %.0f, %.0f", f.spent.workers*each, f.spent.postgres*each, f.spent.simulator*each)
	})
	row("connections, nothing to do and at most", func(f *figures) string { return fmt.Sprintf("%d, %d", f.restConnections, f.mostConnections) })
	row("Postgres, nothing to do", func(f *figures) string { return fmt.Sprintf("%.1f %% of a core", 100*f.restCores) })
	row("runs begun, failed, taken over, resumed", func(f *figures) string {
		return fmt.Sprintf("%d, %d, %d, %d", f.begun, f.failed, len(f.takenOver), f.resumed)
	})
	row("from the deaths to what was taken over being proved", func(f *figures) string {
		if f.kill == 0 {
			return ""
		}
		return fmt.Sprintf("%.1f s", f.lastTaken.Sub(f.killedAt).Seconds())
	})
	row(fmt.Sprintf("most requests to a tenant in %s; the limit is %d", window, limit), func(f *figures) string { return fmt.Sprint(f.mostInWindow) })
	row("tenants not proved, unequal to their mirrors, worked by two at once, over their limit", func(f *figures) string {
		return fmt.Sprintf("%d, %d, %d, %d", len(f.unproved), len(f.different), len(f.shared), len(f.overLimit))
	})
	return b.String()
}
