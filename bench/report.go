package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"logto-syncer/bench/host"
)

// writeReport writes the table with what was measured, on what, and how to repeat it.
func (l *harness) writeReport(ctx context.Context, rows []result, took time.Duration) error {
	settings, err := host.Settings(ctx, l.server)
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Benchmarks

Written by `+"`make bench`"+`, which measures all of this again (%s here), and ends
with 1 if a row falls short. `+"`make bench ARGS='-scale 0.1 -only million'`"+`
tries a part of it on fewer rows and writes nothing.

- **Machine**: %s.
- **Postgres**: %s; on the same machine, as `+"`syncer`"+` starts it for a configuration without a database.
- **Tenant**: simulated, in a process of its own, on the same machine. So the
  cores are shared by the simulator, the program and Postgres.

| what | how | promised | measured | holds | |
|---|---|---|---|---|---|
`, took.Round(time.Second), host.Machine(), settings)
	for _, r := range rows {
		b.WriteString(r.tableRow() + "\n")
	}
	b.WriteString(notes)
	b.WriteString(l.questionTable())
	return os.WriteFile(l.out, []byte(b.String()), 0o644)
}

const notes = `
How it is measured:

- Seconds are those of the whole process: connecting, reading, staging,
  publishing. Memory is VmHWM of the process, in MB of 10^6 bytes.
- A program's processor time is what the system counted for its process, and
  Postgres's that of all processes of the server. The time statements took is
  not used: on two cores it holds the time others had the processor.
- WAL is the distance of the server's log from before to after, all of it:
  stage, history, state and images of pages included. A checkpoint comes
  before each run, as there has been one since last night.
- What 1 % changed writes depends on the indexes there are. A sign-in, the
  change of most nights, touches none. A new name makes a new version of the
  row, and Postgres enters that into every index of the table, the twelve that
  analysts have too: what the mirror itself writes for it is in the row with the
  keys alone.
- "Loading, first" runs in the bench itself, on answers recorded from the
  simulator, by all of a run but the network.
- (a) and (b) are programs below ` + "`bench/`" + `, as somebody would write them who
  follows the documentation of the API.
`
