// Command bench measures what the program promises about its speed, a row a
// promise, and writes docs/benchmarks.md. It needs the program, built by make
// bench, and the binaries of a PostgreSQL server. It exits with 1 if a result
// misses its limit.
//
// A timing is a ratio to something measured in the same run, because machines
// differ and vary. Each measurement runs the program in a process of its own
// against a simulator in a process of its own; only "loading" takes the responses
// from memory, within this process, so as to measure nothing but loading.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 2 { // a signal ends these at once
		switch args[0] {
		case simulatorSubcommand:
			return runSimulator(args[1])
		case pageWalkSubcommand:
			return runNaiveSync(context.Background(), args[1])
		}
	}
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "directory of syncer")
	flag.Float64Var(&o.scale, "scale", 1, "part of the rows, to try the measurements; only 1 writes -out")
	flag.StringVar(&o.out, "out", "docs/benchmarks.md", "the report")
	flag.StringVar(&o.only, "only", "", "regular expression of the measurements to run; all if empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return measureAll(ctx, o)
}

type options struct {
	bin, out, only string
	scale          float64
}

var errResultMissed = errors.New("a result misses its limit")

// A benchmark measures some rows of the table.
type benchmark struct {
	name    string
	measure func(context.Context, *harness) ([]result, error)
}

func measurements() []benchmark {
	return []benchmark{
		{"limit", measureSpeedUnderLimit},
		{"requests", measureRequestsPerPage},
		{"peers", measureNaiveSyncs},
		{"shared-host", measureReadDuringSignIns},
		{"second-tenant", measureSecondTenantQueries},
		{"parents", measureParents},
		{"loading", measureLoading},
		{"large-tenant", measureLargeTenant},
		{"every-row", measureEveryRow},
		{"questions", measureChangedRowsAndQueries},
		{"changes", measureChangesRun},
		{"freshness", measureFreshness},
	}
}

// measureAll runs the measurements one after another.
func measureAll(ctx context.Context, o options) (err error) {
	chosen, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	h, err := newHarness(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	began := time.Now()
	var results []result
	for _, m := range measurements() {
		if !chosen.MatchString(m.name) {
			continue
		}
		some, err := m.measure(ctx, h)
		for _, r := range some {
			fmt.Fprintln(os.Stdout, r.textLine())
		}
		results = append(results, some...)
		if err != nil {
			return fmt.Errorf("measure %s: %w", m.name, err)
		}
	}
	for _, q := range h.queryTimings {
		fmt.Fprintln(os.Stdout, q)
	}
	fmt.Fprintf(os.Stdout, "took %s\n", time.Since(began).Round(time.Second))
	if o.scale == 1 && o.only == "" {
		if err := h.writeReport(ctx, results, time.Since(began)); err != nil {
			return err
		}
	}
	for _, r := range results {
		if !r.holds() {
			return errResultMissed
		}
	}
	return nil
}
