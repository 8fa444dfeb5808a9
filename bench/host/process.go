package host

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A ReadyProcess is a process that said on stdout when it was ready.
type ReadyProcess struct {
	*exec.Cmd
	stdout sync.WaitGroup // reads what else it writes
}

// StartReadyProcess starts cmd, a command with a context whose Stdout must not be set, and
// decodes the line of JSON that it writes once it is ready into ready. What it writes
// later is discarded. After an error the process has ended; else the caller calls Stop.
func StartReadyProcess(cmd *exec.Cmd, ready any) (*ReadyProcess, error) {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &ReadyProcess{Cmd: cmd}
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, ready)
	}
	p.stdout.Go(func() { _, _ = io.Copy(io.Discard, lines) }) // ends with the process
	if err != nil {
		_ = cmd.Process.Kill()
		return nil, errors.Join(fmt.Errorf("%s is not ready: %w", cmd.Path, err), p.Wait())
	}
	return p, nil
}

// Wait waits for the end of the process.
func (p *ReadyProcess) Wait() error {
	p.stdout.Wait()
	return p.Cmd.Wait()
}

// Stop ends the process with SIGTERM and waits for its end. It is no error if a
// signal has ended it, this one or one before.
func (p *ReadyProcess) Stop() error {
	err := p.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	waitErr := p.Wait()
	if p.EndedBySignal() {
		waitErr = nil
	}
	return errors.Join(err, waitErr)
}

// EndedBySignal reports whether a signal has ended the process.
func (p *ReadyProcess) EndedBySignal() bool {
	status, ok := p.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled()
}
