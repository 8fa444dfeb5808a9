package postgres

import (
	"bytes"
	"context"
	_ "embed" // for the keeper
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

//go:embed supervisor.sh
var supervisorScript string

// errOldProcessesRunning is a server that cannot start yet because processes of the one
// before it, killed a moment ago, are still ending.
var errOldProcessesRunning = errors.New("processes of the last server are still running")

// launchSupervisor starts a keeper with its server and waits for it. Nothing else may
// run in h.
func launchSupervisor(ctx context.Context, h serverDir, bindir string, o Options) (*Server, error) {
	out, err := h.openFile("log", os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	read, write, err := h.createPipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	// The keeper reads by itself: it cannot deal with "try again later".
	if err := syscall.SetNonblock(int(read.Fd()), false); err != nil {
		write.Close()
		return nil, err
	}
	cmd := h.supervisorCommand(ctx, bindir, o)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = read, out, out
	if err := cmd.Start(); err != nil {
		write.Close()
		return nil, err
	}
	read.Close() // or the pipe would have a reader without the keeper
	ended := make(chan struct{})
	go func() { // ends with the keeper, which Stop of the last user waits for
		defer close(ended)
		_ = cmd.Wait() // why it ended is in its log
	}()
	s := &Server{dir: h, binDir: bindir, usersPipe: write, supervisorDone: ended}
	ready, err := s.waitReady(ctx)
	if ready {
		return s, nil
	}
	write.Close()
	<-ended
	if err != nil {
		return nil, err
	}
	return nil, startError(out)
}

// supervisorCommand returns the command that runs a server in h.
func (h serverDir) supervisorCommand(ctx context.Context, bindir string, o Options) *exec.Cmd {
	signal, trash, initdb := "INT", "", "--data-checksums"
	if o.temporary() {
		signal, trash = "QUIT", h.path
	}
	if o.temporary() || o.Fast {
		initdb = "--no-sync"
	}
	args := []string{"-c", supervisorScript, "keeper", signal, trash, bindir, h.dataDir(), clusterLocale(), initdb}
	args = append(args, serverSettings(o, h.socketDir)...)

	// The server outlives the context of its start.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", args...)
	cmd.Dir = h.path
	cmd.SysProcAttr = h.user.sysProcAttr()
	// Nothing else of our environment, which holds secrets and PG* variables.
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH"} {
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	if pid, err := readPID(h.pidFile()); err == nil {
		// The server named there is dead, but PostgreSQL would refuse to start
		// if the id belonged to some other process now. It does not mind its
		// grandparent's; that shared memory is still in use it sees anyway.
		cmd.Env = append(cmd.Env, "PG_GRANDPARENT_PID="+strconv.Itoa(pid))
	}
	return cmd
}

// startError is what the log says about a start that failed. The log is read
// through its open file: that of a throw-away server is deleted by now.
func startError(log *os.File) error {
	text, err := io.ReadAll(io.NewSectionReader(log, 0, 1<<20))
	if err != nil {
		return fmt.Errorf("the server ended at once and its log cannot be read: %w", err)
	}
	if bytes.Contains(text, []byte("pre-existing shared memory block")) {
		return errOldProcessesRunning
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := lines[max(0, len(lines)-5):]
	return fmt.Errorf("the server ended at once: %s", strings.Join(last, "; "))
}
