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

// updateReport writes the table between its markers in a document.
func updateReport(ctx context.Context, server *host.PostgresServer, file, table string, took time.Duration) error {
	settings, err := server.DescribeSettings(ctx)
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
		return fmt.Errorf("%s lacks a marker of the table", file)
	}
	var b bytes.Buffer
	b.Write(before)
	fmt.Fprintf(&b, "%s\n%s\nMeasured in %s on %s, with %s.\n\n%s", tableStart, table, took.Round(time.Second), host.Machine(), settings, tableEnd)
	b.Write(after)
	return os.WriteFile(file, b.Bytes(), 0o644)
}

// scenarioTable has a column for each scenario. The speed-up is relative to the first.
func scenarioTable(all []scenarioMeasurement) string {
	var b strings.Builder
	row := func(what string, cell func(*scenarioMeasurement) string) {
		fmt.Fprintf(&b, "| %s |", what)
		for i := range all {
			fmt.Fprintf(&b, " %s |", cell(&all[i]))
		}
		b.WriteByte('\n')
	}
	row("", func(f *scenarioMeasurement) string { return f.String() })
	fmt.Fprintf(&b, "|---|%s\n", strings.Repeat("---|", len(all)))
	row("tenants", func(f *scenarioMeasurement) string { return fmt.Sprint(f.tenants) })
	row("seconds until all were proved", func(f *scenarioMeasurement) string { return fmt.Sprintf("%.1f", f.seconds) })
	row("tenants a minute", func(f *scenarioMeasurement) string { return fmt.Sprintf("%.0f", f.tenantsPerMinute()) })
	row("against 1 worker", func(f *scenarioMeasurement) string {
		return fmt.Sprintf("× %.1f", f.tenantsPerMinute()/all[0].tenantsPerMinute())
	})
	row("seconds to enqueue all runs", func(f *scenarioMeasurement) string { return fmt.Sprintf("%.1f", f.enqueued) })
	row("seconds of a run, median", func(f *scenarioMeasurement) string { return fmt.Sprintf("%.2f", f.medianRun) })
	row("wait in the queue, median and longest", func(f *scenarioMeasurement) string { return fmt.Sprintf("%.1f s, %.1f s", f.medianWait, f.longestWait) })
	row("overtaken in the queue by, at most", func(f *scenarioMeasurement) string { return fmt.Sprint(f.overtaken) })
	row("runs of a worker, fewest to most", func(f *scenarioMeasurement) string {
		fewest, most := f.runsPerWorkerRange()
		return fmt.Sprintf("%d to %d", fewest, most)
	})
	row("processor ms a tenant: workers, Postgres, simulator", func(f *scenarioMeasurement) string {
		each := 1000 / float64(f.tenants)
		return fmt.Sprintf("%.0f, %.0f, %.0f", f.workerCPU()*each, f.postgresCPU*each, f.simulatorCPU*each)
	})
	row("connections, idle and at most", func(f *scenarioMeasurement) string { return fmt.Sprintf("%d, %d", f.idleConnections, f.maxConnections) })
	row("Postgres, idle", func(f *scenarioMeasurement) string {
		return fmt.Sprintf("%.1f %% of a core", 100*f.idleCPU/idleDuration.Seconds())
	})
	row("runs started, failed, rescued, resumed", func(f *scenarioMeasurement) string {
		return fmt.Sprintf("%d, %d, %d, %d", f.startedRuns, f.failed, len(f.rescued), f.resumed)
	})
	row("from the deaths until the rescued tenants were proved", func(f *scenarioMeasurement) string {
		if f.kill == 0 {
			return ""
		}
		return fmt.Sprintf("%.1f s", f.lastRescuedProved.Sub(f.killedAt).Seconds())
	})
	row(fmt.Sprintf("most requests to a tenant in %s; the limit is %d", window, limit), func(f *scenarioMeasurement) string { return fmt.Sprint(f.maxInWindow) })
	row("tenants not proved, different from their mirrors, read by two workers at once, over their limit", func(f *scenarioMeasurement) string {
		return fmt.Sprintf("%d, %d, %d, %d", len(f.unproved), len(f.different), len(f.concurrent), len(f.overLimit))
	})
	return b.String()
}
