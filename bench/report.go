package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"logto-syncer/bench/host"
)

// writeReport writes the results, the machine, and how to repeat the measurements.
func (h *harness) writeReport(ctx context.Context, results []result, took time.Duration) error {
	settings, err := h.DescribeSettings(ctx)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

Written by `+"`make bench`"+`, which repeats all measurements (%s here), and exits
with 1 if a result misses its limit. `+"`make bench ARGS='-scale 0.1 -only large-tenant'`"+`
runs a part of them on fewer rows and writes nothing.

- **Machine**: %s.
- **Postgres**: %s; on the same machine, as `+"`syncer`"+` starts it for a configuration without a database.
- **Tenant**: simulated, in a process of its own, on the same machine: the
  simulator, the program and Postgres share the cores.

| what | how | promised | measured | holds | |
|---|---|---|---|---|---|
`, took.Round(time.Second), host.Machine(), settings)
	for _, r := range results {
		b.WriteString(r.tableRow() + "\n")
	}
	b.WriteString(notes)
	b.WriteString(h.questionTable())
	return os.WriteFile(h.out, []byte(b.String()), 0o644)
}

const notes = `
How the measurements are made:

- Seconds are those of the whole process: connecting, reading, staging,
  publishing. Memory is VmHWM of the process, in MB of 10^6 bytes.
- Processor time is what the system counts for the program's process, and for all
  processes of the Postgres server. The duration of statements is not used: on
  two cores it includes the time in which other processes had the processor.
- WAL is everything that the server wrote to its WAL: stage, history, state and
  images of pages included. A checkpoint precedes each run, as it would at night.
- The WAL of 1 % changed rows depends on the indexes. A sign-in, the most frequent
  change, changes no index. A new name makes a new version of the row, which
  Postgres adds to every index of the table, including the twelve for analysts:
  what the mirror itself writes is in the row "keys alone".
- "Loading, first" runs within the bench, on responses recorded from the
  simulator, by all of a run but the network.
- (a) and (b) are written in ` + "`bench/page_walk.go`" + ` as the documentation of the
  API suggests.
`
