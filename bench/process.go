package main

import (
	"bufio"
	"bytes"
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
	"strings"
	"syscall"
	"time"

	"logto-syncer/internal/mirror"
)

// processResult is what a process took.
type processResult struct {
	seconds float64 // from its start to its end
	cpu     float64 // seconds, user and system
	rss     float64 // the most memory it had, in MB (10^6 bytes)
	out     []byte  // what it wrote to stdout
	summary mirror.Summary
}

// runProcess runs a program to its end. An error holds the end of what it wrote
// to stderr.
func runProcess(ctx context.Context, program string, args, env []string) (*processResult, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	peak := make(chan float64, 1)
	ended := make(chan struct{})
	go func() { peak <- peakMemory(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	e := &processResult{seconds: time.Since(began).Seconds()}
	close(ended)
	e.rss, e.out = <-peak, out.Bytes()
	e.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if err != nil {
		return e, fmt.Errorf("%s: %w: %s %s", filepath.Base(program), err, strings.TrimSpace(complaint.String()), bytes.TrimSpace(e.out))
	}
	for line := range bytes.Lines(e.out) {
		if bytes.Contains(line, []byte(`"type":"summary"`)) {
			if err := json.Unmarshal(line, &e.summary); err != nil {
				return e, err
			}
		}
	}
	return e, nil
}

// peakMemory returns the greatest VmHWM a process shows until it ends. It is
// not taken from rusage, which counts what the child shared with this process
// before it became another program.
func peakMemory(pid int, ended <-chan struct{}) (peak float64) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	name := filepath.Base(os.Args[0])
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err == nil && !strings.HasPrefix(string(status), "Name:\t"+name+"\n") {
			for line := range strings.Lines(string(status)) {
				if kb, ok := strings.CutPrefix(line, "VmHWM:"); ok {
					n, _ := strconv.ParseFloat(strings.Fields(kb)[0], 64)
					peak = max(peak, n*1024/1e6)
				}
			}
		}
		select {
		case <-ended:
			return peak
		case <-tick.C:
		}
	}
}

// startSimulator starts a simulator and waits until it answers. stop ends it.
func (l *harness) startSimulator(ctx context.Context, program string, args ...string) (s simulatorInfo, stop func() error, err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return s, nil, err
	}
	if err := cmd.Start(); err != nil {
		return s, nil, err
	}
	stop = func() error {
		err := cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // ends by the signal
		return err
	}
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return s, nil, errors.Join(fmt.Errorf("start a simulator: %w", err), stop())
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the simulator
	var said struct {
		Endpoint, Resource string
		ID                 string `json:"app_id"`
		Secret             string `json:"app_secret"`
		Rows               int
	}
	if err := json.Unmarshal(line, &said); err != nil {
		return s, nil, errors.Join(err, stop())
	}
	return simulatorInfo{said.Endpoint, said.Resource, said.ID, said.Secret, said.Rows}, stop, nil
}

// startSyncerSimulate is syncer simulate.
func (l *harness) startSyncerSimulate(ctx context.Context, args ...string) (simulatorInfo, func() error, error) {
	args = append([]string{"--json", "simulate", "--listen", "127.0.0.1:0"}, args...)
	return l.startSimulator(ctx, filepath.Join(l.bin, "syncer"), args...)
}

// post sends a request to a simulator of this program.
func (s simulatorInfo) post(ctx context.Context, path string, query url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url(path, query), nil)
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
