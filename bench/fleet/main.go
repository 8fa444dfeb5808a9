// Command fleet measures how 1, 4 and 20 workers share 1,000 tenants, and what
// happens when a third of the workers die. It writes its table into
// docs/scale.md and exits with 1 if a tenant is not proved, differs from its
// mirror, was read by two workers at once, or received more requests than its
// limit.
//
// A worker is a process of syncer serve with serve.workers: 1, as on a machine
// of its own: it shares only the database with the others, and can be killed.
// The tenants are simulated in this process, which records the requests of each
// worker.
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

	"logto-syncer/bench/host"
)

type options struct {
	bin, out, only string
	tenants        int
}

const (
	// publishedTenants is the number of tenants in docs/scale.md.
	publishedTenants = 1000
	// singleTenants is how many of them a single worker is measured on: all would
	// take a quarter of an hour.
	singleTenants = publishedTenants / 8
	// maxConnections is what 20 workers with 9 connections each need: see
	// docs/scale.md. The default, 100, is enough for 10.
	maxConnections = "max_connections = 200"
)

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin", "directory of syncer")
	flag.StringVar(&o.out, "out", "docs/scale.md", "where the table goes, between its markers")
	flag.IntVar(&o.tenants, "tenants", publishedTenants, "how many tenants; only 1000 writes -out")
	flag.StringVar(&o.only, "only", "", "regular expression of the columns to measure, to try; all if empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := runScenarios(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func runScenarios(ctx context.Context, o options) (err error) {
	chosen, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	began := time.Now()
	tenants := newTenants(o.tenants)
	defer func() {
		for _, t := range tenants {
			t.close()
		}
	}()
	server, err := host.StartServer(ctx, maxConnections)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	var all []scenarioMeasurement
	for _, p := range []scenario{
		{workers: 1, tenants: min(singleTenants, o.tenants)},
		{workers: 4, tenants: o.tenants},
		{workers: 20, tenants: o.tenants},
		{workers: 20, tenants: o.tenants, kill: 7},
	} {
		if !chosen.MatchString(p.String()) {
			continue
		}
		f, err := measureScenario(ctx, server, o.bin, tenants, p)
		if err != nil {
			return fmt.Errorf("measure %s: %w", p, err)
		}
		all = append(all, f)
		fmt.Fprintf(os.Stderr, "%s: %.1f s, %.1f s of them to put all into the queue\n", p, f.seconds, f.enqueued)
	}
	table := scenarioTable(all)
	fmt.Fprint(os.Stdout, table)
	if o.tenants == publishedTenants && o.only == "" {
		if err := updateReport(ctx, server, o.out, table, time.Since(began)); err != nil {
			return err
		}
	}
	for _, f := range all {
		err = errors.Join(err, f.violationError())
	}
	return err
}
