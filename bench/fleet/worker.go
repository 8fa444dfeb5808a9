package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A worker is a process of syncer serve that runs one tenant at a time.
type worker struct {
	cmd        *exec.Cmd
	address    string
	logReaders sync.WaitGroup
}

// startWorker starts a worker and returns when it serves. Its log goes into the
// ledger.
func startWorker(ctx context.Context, bin, jobs string, b *ledger) (*worker, error) {
	w := &worker{cmd: exec.CommandContext(ctx, filepath.Join(bin, "syncer"), "serve", "--config", jobs, "--listen", "127.0.0.1:0", "--json")}
	w.cmd.WaitDelay = 10 * time.Second
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := w.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		return nil, err
	}
	w.logReaders.Go(func() { b.readLog(w, stderr) })
	lines := bufio.NewReader(stdout)
	var ready struct{ Address string }
	line, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err == nil && ready.Address == "" {
		err = fmt.Errorf("it writes %s", line)
	}
	w.logReaders.Go(func() { _, _ = io.Copy(io.Discard, lines) }) // ends with the process
	if err != nil {
		_ = w.cmd.Process.Kill()
		return nil, errors.Join(fmt.Errorf("a worker did not start: %w", err), w.wait())
	}
	w.address = ready.Address
	return w, nil
}

// wait waits for the end of the process.
func (w *worker) wait() error {
	w.logReaders.Wait()
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
