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
	tableStart = "<!-- written by make bench-fleet -->\n"
	tableEnd   = "<!-- as far as here -->\n"
)

// report puts the table between its markers in a document.
func (s *harness) report(ctx context.Context, file, table string, took time.Duration) error {
	settings, err := host.Settings(ctx, s.server)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(old, []byte(tableStart))
	_, after, found := bytes.Cut(rest, []byte(tableEnd))
	if !ok || !found {
		return fmt.Errorf("%s has not both markers", file)
	}
	var b bytes.Buffer
	b.Write(before)
	fmt.Fprintf(&b, "%s\n%s\nMeasured in %s on %s, with %s.\n\n%s", tableStart, table, took.Round(time.Second), host.Machine(), settings, tableEnd)
	b.Write(after)
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// tableOf is a column for each part. The speed-up is against the first.
func tableOf(all []measurements) string {
	var b strings.Builder
	row := func(what string, cell func(*measurements) string) {
		fmt.Fprintf(&b, "| %s |", what)
		for i := range all {
			fmt.Fprintf(&b, " %s |", cell(&all[i]))
		}
		b.WriteByte('\n')
	}
	row("", func(f *measurements) string { return f.String() })
	fmt.Fprintf(&b, "|---|%s\n", strings.Repeat("---|", len(all)))
	row("tenants", func(f *measurements) string { return fmt.Sprint(f.tenants) })
	row("seconds until all were proved", func(f *measurements) string { return fmt.Sprintf("%.1f", f.seconds) })
	row("tenants a minute", func(f *measurements) string { return fmt.Sprintf("%.0f", f.perMinute()) })
	row("against 1 worker", func(f *measurements) string { return fmt.Sprintf("× %.1f", f.perMinute()/all[0].perMinute()) })
	row("seconds to put all into the queue", func(f *measurements) string { return fmt.Sprintf("%.1f", f.enqueued) })
	row("seconds of a run, median", func(f *measurements) string { return fmt.Sprintf("%.2f", f.medianRun) })
	row("wait in line, median and longest", func(f *measurements) string { return fmt.Sprintf("%.1f s, %.1f s", f.medianWait, f.longestWait) })
	row("overtaken in line by, at most", func(f *measurements) string { return fmt.Sprint(f.overtaken) })
	row("runs of a worker, fewest to most", func(f *measurements) string {
		fewest, most := f.runsPerWorker()
		return fmt.Sprintf("%d to %d", fewest, most)
	})
	row("processor ms a tenant: workers, Postgres, simulator", func(f *measurements) string {
		each := 1000 / float64(f.tenants)
		return fmt.Sprintf("%.0f, %.0f, %.0f", f.cpu.workers*each, f.cpu.postgres*each, f.cpu.simulator*each)
	})
	row("connections, nothing to do and at most", func(f *measurements) string { return fmt.Sprintf("%d, %d", f.idleConnections, f.maxConnections) })
	row("Postgres, nothing to do", func(f *measurements) string { return fmt.Sprintf("%.1f %% of a core", 100*f.idleCores) })
	row("runs begun, failed, taken over, resumed", func(f *measurements) string {
		return fmt.Sprintf("%d, %d, %d, %d", f.startedRuns, f.failed, len(f.rescued), f.resumed)
	})
	row("from the deaths to what was taken over being proved", func(f *measurements) string {
		if f.kill == 0 {
			return ""
		}
		return fmt.Sprintf("%.1f s", f.lastRescuedProved.Sub(f.killedAt).Seconds())
	})
	row(fmt.Sprintf("most requests to a tenant in %s; the limit is %d", window, limit), func(f *measurements) string { return fmt.Sprint(f.maxInWindow) })
	row("tenants not proved, unequal to their mirrors, worked by two at once, over their limit", func(f *measurements) string {
		return fmt.Sprintf("%d, %d, %d, %d", len(f.unproved), len(f.different), len(f.concurrent), len(f.overLimit))
	})
	return b.String()
}
