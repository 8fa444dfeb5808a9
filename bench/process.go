package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"logto-syncer/bench/host"
	"logto-syncer/internal/mirror"
)

// A processResult is what a process used and wrote.
type processResult struct {
	seconds float64 // from its start to its end
	cpu     float64 // seconds, user and system
	memory  float64 // peak, in MB of 10^6 bytes
	summary mirror.Summary
}

// runProcess runs a program to its end. An error has the program's output.
func runProcess(ctx context.Context, program string, args, env []string) (*processResult, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &processResult{}
	// The maximum in rusage would include what the child shared with this process
	// before exec.
	memory := func(context.Context) (float64, error) { return host.PeakMemory(cmd.Process.Pid), nil }
	var err error
	r.memory, err = host.SampleMaximum(ctx, 10*time.Millisecond, memory, func() error {
		err := cmd.Wait()
		r.seconds = time.Since(began).Seconds()
		return err
	})
	r.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if err != nil {
		return r, fmt.Errorf("%s: %w: %s %s", filepath.Base(program), err, strings.TrimSpace(stderr.String()), bytes.TrimSpace(stdout.Bytes()))
	}
	for line := range bytes.Lines(stdout.Bytes()) {
		if bytes.Contains(line, []byte(`"type":"summary"`)) {
			if err := json.Unmarshal(line, &r.summary); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}
