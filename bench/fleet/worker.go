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
	"sync"
	"syscall"
	"time"

	"logto-syncer/bench/host"
)

// A worker is a process of syncer serve that runs one tenant at a time.
type worker struct {
	cmd       *host.ReadyProcess
	address   string
	logReader sync.WaitGroup
}

// startWorker starts a worker and returns when it serves. Its log goes into the
// ledger.
func startWorker(ctx context.Context, bin, jobs string, b *ledger) (*worker, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "syncer"), "serve", "--config", jobs, "--listen", "127.0.0.1:0", "--json")
	cmd.WaitDelay = 10 * time.Second
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	w := &worker{}
	w.logReader.Go(func() { b.readLog(w, stderr) }) // ends with the process, and if it does not start
	var ready struct{ Address string }
	if w.cmd, err = host.StartReadyProcess(cmd, &ready); err != nil {
		w.logReader.Wait()
		return nil, fmt.Errorf("a worker did not start: %w", err)
	}
	if ready.Address == "" { // it wrote an error instead
		_ = w.kill()
		return nil, errors.Join(errors.New("a worker did not start"), w.wait())
	}
	w.address = ready.Address
	return w, nil
}

// wait waits for the end of the process.
func (w *worker) wait() error {
	w.logReader.Wait()
	return w.cmd.Wait()
}

// kill kills a worker.
func (w *worker) kill() error { return w.cmd.Process.Kill() }

// stopWorkers stops the workers that were not killed.
func stopWorkers(workers []*worker) error {
	var errs []error
	for _, w := range workers {
		if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			errs = append(errs, err)
		}
	}
	for _, w := range workers {
		if err := w.wait(); err != nil && !wasKilled(w.cmd.ProcessState) {
			errs = append(errs, fmt.Errorf("stop a worker: %w", err))
		}
	}
	return errors.Join(errs...)
}

func wasKilled(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
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
