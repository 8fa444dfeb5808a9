package postgres

import (
	"bytes"
	"context"
	_ "embed" // for the keeper
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

//go:embed keeper.sh
var keeperScript string

// errBusy is a server that cannot start yet because processes of the one
// before it, killed a moment ago, are still ending.
var errBusy = errors.New("processes of the last server are still running")

// Start starts the server that o asks for, or joins the one that runs already
// in o.Dir, and returns when it takes connections. The context bounds the
// start only. The caller must Stop the server; if it dies before that, the
// server ends with its last user.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, o Options) (*Server, error) {
	if o.throwaway() {
		return startTemporary(ctx, o)
	}
	h, err := keptHome(o.Dir)
	if err != nil {
		return nil, err
	}
	turn, err := h.takeTurn(ctx)
	if err != nil {
		return nil, err
	}
	defer turn.Close()
	lease, err := h.open("users", 0)
	if err != nil {
		return nil, err
	}
	s, err := joinOrLaunch(ctx, h, o)
	if err == nil {
		err = lock(ctx, lease, syscall.LOCK_SH)
	}
	if err != nil {
		lease.Close()
		return nil, err
	}
	s.lease = lease
	return s, nil
}

func startTemporary(ctx context.Context, o Options) (*Server, error) {
	bindir, err := findMajor(ctx, "")
	if err != nil {
		return nil, err
	}
	h, err := temporaryHome()
	if err != nil {
		return nil, err
	}
	s, err := launch(ctx, h, bindir, o)
	if err != nil {
		// The keeper does this too, if it got that far.
		return nil, errors.Join(err, os.RemoveAll(h.dir))
	}
	return s, nil
}

// takeTurn waits until nobody else starts or stops the server of this home.
// The turn ends when the file is closed.
func (h home) takeTurn(ctx context.Context) (*os.File, error) {
	f, err := h.open("lock", 0)
	if err != nil {
		return nil, err
	}
	if err := lock(ctx, f, syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("wait for %s: %w", f.Name(), err)
	}
	return f, nil
}

func joinOrLaunch(ctx context.Context, h home, o Options) (*Server, error) {
	bindir, err := findMajor(ctx, h.major())
	if err != nil {
		return nil, err
	}
	if s, err := join(ctx, h, bindir); s != nil || err != nil {
		return s, err
	}
	if err := h.endOrphan(ctx); err != nil {
		return nil, err
	}
	var s *Server
	err = poll(ctx, func() (bool, error) {
		s, err = launch(ctx, h, bindir, o)
		if errors.Is(err, errBusy) {
			return false, nil
		}
		return err == nil, err
	})
	return s, err
}

// major returns the major version that wrote the home's data, empty if it has
// none yet.
func (h home) major() string {
	text, err := os.ReadFile(filepath.Join(h.data(), "PG_VERSION"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// join uses the server that runs already in h. It returns nil if none does, or
// if it ends while we wait for it: its last user may just have been killed.
func join(ctx context.Context, h home, bindir string) (*Server, error) {
	alive, err := h.openPipe()
	if alive == nil || err != nil {
		return nil, err
	}
	s := &Server{home: h, bindir: bindir, alive: alive}
	ready, err := s.ready(ctx)
	if !ready || err != nil {
		alive.Close()
		return nil, err
	}
	return s, nil
}

// ready waits until the server takes connections. It reports false if it ends
// instead.
func (s *Server) ready(ctx context.Context) (bool, error) {
	up := false
	err := poll(ctx, func() (bool, error) {
		if s.ping(ctx) == nil {
			up = true
			return true, nil
		}
		return s.home.gone()
	})
	return up, err
}

// endOrphan stops a server whose keeper was killed: nothing would end it with
// its users.
func (h home) endOrphan(ctx context.Context) error {
	if !h.listening(ctx) {
		return nil
	}
	pid, err := readPID(h.pidFile())
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
		return fmt.Errorf("stop the server left behind in %s: %w", h.dir, err)
	}
	return poll(ctx, func() (bool, error) { return !h.listening(ctx), nil })
}

// listening reports whether anything accepts connections on the socket.
func (h home) listening(ctx context.Context) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", filepath.Join(h.sockets, ".s.PGSQL.5432"))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// launch starts a keeper with its server and waits for it. Nothing else may
// run in h.
func launch(ctx context.Context, h home, bindir string, o Options) (*Server, error) {
	out, err := h.open("log", os.O_TRUNC)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	read, write, err := h.makePipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	// The keeper reads by itself: it cannot deal with "try again later".
	if err := syscall.SetNonblock(int(read.Fd()), false); err != nil {
		write.Close()
		return nil, err
	}
	cmd := h.keeper(ctx, bindir, o)
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
	s := &Server{home: h, bindir: bindir, alive: write, keeper: ended}
	ready, err := s.ready(ctx)
	if ready {
		return s, nil
	}
	write.Close()
	<-ended
	if err != nil {
		return nil, err
	}
	return nil, failure(out)
}

// keeper returns the command that runs a server in h.
func (h home) keeper(ctx context.Context, bindir string, o Options) *exec.Cmd {
	signal, trash, initdb := "INT", "", "--data-checksums"
	if o.throwaway() {
		signal, trash = "QUIT", h.dir
	}
	if o.throwaway() || o.Fast {
		initdb = "--no-sync"
	}
	args := []string{"-c", keeperScript, "keeper", signal, trash, bindir, h.data(), locale(), initdb}
	args = append(args, settings(o, h.sockets)...)

	// The server outlives the context of its start.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", args...)
	cmd.Dir = h.dir
	cmd.SysProcAttr = h.account.process()
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

// failure is what the log says about a start that failed. The log is read
// through its open file: that of a throw-away server is deleted by now.
func failure(log *os.File) error {
	text, err := io.ReadAll(io.NewSectionReader(log, 0, 1<<20))
	if err != nil {
		return fmt.Errorf("the server ended at once and its log cannot be read: %w", err)
	}
	if bytes.Contains(text, []byte("pre-existing shared memory block")) {
		return errBusy
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := lines[max(0, len(lines)-5):]
	return fmt.Errorf("the server ended at once: %s", strings.Join(last, "; "))
}
