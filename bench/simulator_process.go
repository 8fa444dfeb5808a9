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
	"syscall"

	"logto-syncer/bench/host"
)

// A simulator is a simulated tenant in a process of its own. Its JSON form is
// the first line the process writes.
type simulator struct {
	Endpoint  string `json:"endpoint"`
	Resource  string `json:"resource"`
	AppID     string `json:"app_id"`
	AppSecret string `json:"app_secret"`
	Rows      int    `json:"rows"` // users; syncer simulate does not tell
}

// A simulatorCommand starts a simulator.
type simulatorCommand struct {
	program string
	args    []string
}

// simulateCommand is the command syncer simulate.
func (h *harness) simulateCommand(args ...string) simulatorCommand {
	return simulatorCommand{filepath.Join(h.bin, "syncer"), append([]string{"--json", "simulate", "--listen", "127.0.0.1:0"}, args...)}
}

// benchSimulatorCommand is this program as a simulator.
func benchSimulatorCommand(args ...string) simulatorCommand {
	return simulatorCommand{os.Args[0], append([]string{simulatorSubcommand}, args...)}
}

func (h *harness) withSimulator(ctx context.Context, command simulatorCommand, f func(simulator) error) error {
	s, stop, err := command.start(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(s), stop())
}

// start starts the simulator and waits until it answers. stop ends it.
func (c simulatorCommand) start(ctx context.Context) (s simulator, stop func() error, err error) {
	cmd := exec.CommandContext(ctx, c.program, c.args...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	process, err := host.StartReadyProcess(cmd, &s)
	if err != nil {
		return s, nil, fmt.Errorf("start a simulator: %w", err)
	}
	return s, func() error {
		err := cmd.Process.Signal(syscall.SIGTERM)
		_ = process.Wait() // ends by the signal
		return err
	}, nil
}

// post sends a request to a simulator of this program.
func (s simulator) post(ctx context.Context, path string, query url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.requestURL(path, query), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return nil
}

func (s simulator) requestURL(path string, query url.Values) string {
	return s.Endpoint + path + "?" + query.Encode()
}
