package postgres

import (
	"bytes"
	"context"
	_ "embed" // for supervisor.sh
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

// errOldProcessesRunning is returned for a server that cannot start yet because
// processes of its killed predecessor are still ending.
var errOldProcessesRunning = errors.New("processes of the last server are still running")

// launchSupervisor starts a supervisor with its server and waits until the server
// accepts connections. No other server may run in d.
func launchSupervisor(ctx context.Context, d serverDir, binDir string, o Options) (*Server, error) {
	out, err := d.openFile("log", os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	read, write, err := d.createPipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	// The shell reads the pipe and cannot handle EAGAIN.
	if err := syscall.SetNonblock(int(read.Fd()), false); err != nil {
		write.Close()
		return nil, err
	}
	cmd := d.supervisorCommand(ctx, binDir, o)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = read, out, out
	if err := cmd.Start(); err != nil {
		write.Close()
		return nil, err
	}
	read.Close() // or the pipe would have a reader besides the supervisor
	ended := make(chan struct{})
	go func() { // ends with the supervisor, which the last Stop waits for
		defer close(ended)
		_ = cmd.Wait() // why it ended is in its log
	}()
	s := &Server{dir: d, options: o, binDir: binDir, usersPipe: write, supervisorDone: ended}
	ready, err := s.waitReady(ctx)
	if ready {
		err = d.recordBinaries(binDir)
	}
	if ready && err == nil {
		return s, nil
	}
	write.Close()
	<-ended
	if err != nil {
		return nil, err
	}
	return nil, startError(out)
}

// supervisorCommand returns the command that runs a server in d.
func (d serverDir) supervisorCommand(ctx context.Context, binDir string, o Options) *exec.Cmd {
	signal, trash, initdb := "INT", "", "--data-checksums"
	if o.temporary() {
		signal, trash = "QUIT", d.path
	}
	if o.temporary() || o.Fast {
		initdb = "--no-sync"
	}
	args := []string{"-c", supervisorScript, "supervisor", signal, trash, binDir, d.dataDir(), clusterLocale(), initdb}
	args = append(args, serverSettings(o, d.socketDir)...)

	// The server outlives the context of its start.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", args...)
	cmd.Dir = d.path
	cmd.SysProcAttr = d.user.sysProcAttr()
	// The rest of our environment has secrets and PG* variables.
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH"} {
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	if pid, err := readPID(d.pidFile()); err == nil {
		// The server with that id is dead. If another process has the id now,
		// PostgreSQL would refuse to start, unless it is that of its grandparent. It
		// detects shared memory that is still in use all the same.
		cmd.Env = append(cmd.Env, "PG_GRANDPARENT_PID="+strconv.Itoa(pid))
	}
	return cmd
}

// startError returns what the log says about a failed start. It reads the open
// file: the directory of a temporary server is deleted by now.
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
