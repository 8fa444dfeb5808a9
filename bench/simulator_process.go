package main

import (
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
	"strconv"

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

// A simulatorCommand is a program and its arguments, which start a simulator.
type simulatorCommand []string

// simulateCommand is the command syncer simulate.
func (h *harness) simulateCommand(args ...string) simulatorCommand {
	return append(simulatorCommand{filepath.Join(h.bin, "syncer"), "--json", "simulate", "--listen", "127.0.0.1:0"}, args...)
}

// command is this program as a simulator.
func (o simulatorOptions) command() simulatorCommand {
	arg, _ := json.Marshal(o) // numbers and booleans
	return simulatorCommand{os.Args[0], simulatorSubcommand, string(arg)}
}

// start starts the simulator and waits until it answers. stop ends it.
func (c simulatorCommand) start(ctx context.Context) (s simulator, stop func() error, err error) {
	cmd := exec.CommandContext(ctx, c[0], c[1:]...)
	cmd.Stderr = os.Stderr
	process, err := host.StartReadyProcess(cmd, &s)
	if err != nil {
		return s, nil, fmt.Errorf("start a simulator: %w", err)
	}
	return s, process.Stop, nil
}

// withSimulator runs f with a simulator that ends after it.
func withSimulator[T any](ctx context.Context, command simulatorCommand, f func(simulator) (T, error)) (got T, err error) {
	s, stop, err := command.start(ctx)
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	return f(s)
}

// request sends a request without a token or a body, and reads the response.
func (s simulator) request(ctx context.Context, method, path string) error {
	req, err := http.NewRequestWithContext(ctx, method, s.Endpoint+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return nil
}

// change lets a simulator of this program change n users.
func (s simulator) change(ctx context.Context, n int, what string) error {
	return s.request(ctx, http.MethodPost, "/change?"+url.Values{"users": {strconv.Itoa(n)}, "what": {what}}.Encode())
}
