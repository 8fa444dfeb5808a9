// Command bench measures what the program promises of its speed, one row a
// promise, and writes docs/benchmarks.md. It needs the program and the two
// programs it is compared with, all built by make bench, and a PostgreSQL
// server's binaries. It ends with 1 if a row falls short.
//
// A timing is a ratio to something measured in the same run, for machines
// differ and are noisy. What is measured is always a process of its own that
// reads a simulator in a process of its own; only "loading" takes the answers
// from memory, within this process, so that it measures nothing but loading.
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
	if len(os.Args) > 1 && os.Args[1] == simulatorCommand {
		exit(simulator(os.Args[2:]))
	}
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "directory of syncer, bench-upsert and bench-copymerge")
	flag.Float64Var(&o.scale, "scale", 1, "part of the rows, to try the harness; only 1 writes -out")
	flag.StringVar(&o.out, "out", "docs/benchmarks.md", "the report")
	only := flag.String("only", "", "regular expression of the parts to run; all if empty")
	flag.StringVar(&o.profile, "cpuprofile", "", "write a CPU profile of loading from memory to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(bench(ctx, o, *only))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

type options struct {
	bin, out, profile string
	scale             float64
}

var errResultMissed = errors.New("a row falls short")

// A measurement measures some rows of the table.
type measurement struct {
	name    string
	measure func(context.Context, *harness) ([]result, error)
}

func measurements() []measurement {
	return []measurement{
		{"limit", measureLimit},
		{"requests", measureRequests},
		{"field", measurePeers},
		{"neighbour", measureSharedHost},
		{"parents", measureParents},
		{"loading", measureLoading},
		{"million", measureLargeTenant},
		{"questions", measureQuestions},
	}
}

// bench runs the parts one after another.
func bench(ctx context.Context, o options, only string) (err error) {
	chosen, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	l, err := newHarness(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	began := time.Now()
	var rows []result
	for _, p := range measurements() {
		if !chosen.MatchString(p.name) {
			continue
		}
		some, err := p.measure(ctx, l)
		for _, r := range some {
			fmt.Fprintln(os.Stdout, r.textLine())
		}
		rows = append(rows, some...)
		if err != nil {
			return fmt.Errorf("measure %s: %w", p.name, err)
		}
	}
	fmt.Fprint(os.Stdout, l.questionTable())
	fmt.Fprintf(os.Stdout, "took %s\n", time.Since(began).Round(time.Second))
	if o.scale == 1 && only == "" {
		if err := l.writeReport(ctx, rows, time.Since(began)); err != nil {
			return err
		}
	}
	for _, r := range rows {
		if !r.holds() {
			return errResultMissed
		}
	}
	return nil
}
