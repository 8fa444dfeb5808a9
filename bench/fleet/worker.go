package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"logto-syncer/bench/host"
)

const token = "a token for the bench"

// listingsToRead are listings of which every tenant has a few rows. Those that need a
// request for each organization or role are left out: with them a run takes five
// times as long, and tells nothing more about how workers share runs.
func listingsToRead() []string { return []string{"users", "organizations", "applications", "roles"} }

// writeConfig writes the workers' jobs.yaml.
func writeConfig(file, database string, tenants []*tenant) error {
	var b strings.Builder
	fmt.Fprintf(&b, "database: %q\ntenants:\n", database)
	for _, t := range tenants {
		b.WriteString(t.yaml())
	}
	fmt.Fprintf(&b, "jobs: [{name: all, jitter: 0s, listings: [%s]}]\nserve: {workers: 1, token: %s}\n", strings.Join(listingsToRead(), ", "), token)
	return os.WriteFile(file, []byte(b.String()), 0o600)
}

// A worker is a process of syncer serve that runs one tenant at a time.
type worker struct {
	*host.ReadyProcess
	address string
	runs    int // finished
}

// startWorker starts a worker and returns when it serves. Its log goes into the
// ledger.
func startWorker(ctx context.Context, bin, jobs string, b *ledger) (*worker, error) {
	w := &worker{}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "syncer"), "serve", "--config", jobs, "--listen", "127.0.0.1:0", "--json")
	cmd.Stderr = &workerLog{worker: w, ledger: b}
	var ready struct{ Address string }
	process, err := host.StartReadyProcess(cmd, &ready)
	if err == nil && ready.Address == "" { // it wrote an error instead
		err = errors.Join(errors.New("it does not serve"), process.Stop())
	}
	if err != nil {
		return nil, fmt.Errorf("a worker did not start: %w", err)
	}
	w.ReadyProcess, w.address = process, ready.Address
	return w, nil
}

// startWorkers starts n workers concurrently. With an error, it also returns
// those that did start.
func startWorkers(ctx context.Context, bin, jobs string, b *ledger, n int) ([]*worker, error) {
	starts := pool.NewWithResults[*worker]().WithErrors()
	for range n {
		starts.Go(func() (*worker, error) { return startWorker(ctx, bin, jobs, b) })
	}
	return starts.Wait()
}

// stopWorkers stops the workers concurrently. Those that were killed have ended.
func stopWorkers(workers []*worker) error {
	stops := pool.New().WithErrors()
	for _, w := range workers {
		stops.Go(w.Stop)
	}
	return stops.Wait()
}

// enqueueAll lets a worker enqueue the job for all tenants.
func (w *worker) enqueueAll(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address+"/run", strings.NewReader(url.Values{"job": {"all"}}.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		return fmt.Errorf("POST /run: %s", answer.Status)
	}
	return nil
}
