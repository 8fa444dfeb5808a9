package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

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
	if o.temporary() {
		return startTemporary(ctx, o)
	}
	h, err := openServerDir(o.Dir)
	if err != nil {
		return nil, err
	}
	turn, err := h.lockStartStop(ctx)
	if err != nil {
		return nil, err
	}
	defer turn.Close()
	lease, err := h.openFile("users", 0)
	if err != nil {
		return nil, err
	}
	s, err := joinOrLaunch(ctx, h, o)
	if err == nil {
		err = lockFile(ctx, lease, syscall.LOCK_SH)
	}
	if err != nil {
		lease.Close()
		return nil, err
	}
	s.usersLock = lease
	return s, nil
}

func startTemporary(ctx context.Context, o Options) (*Server, error) {
	bindir, err := findBinariesOf(ctx, "")
	if err != nil {
		return nil, err
	}
	h, err := newTemporaryDir()
	if err != nil {
		return nil, err
	}
	s, err := launchSupervisor(ctx, h, bindir, o)
	if err != nil {
		// The keeper does this too, if it got that far.
		return nil, errors.Join(err, os.RemoveAll(h.path))
	}
	return s, nil
}

// lockStartStop waits until nobody else starts or stops the server of this home.
// The turn ends when the file is closed.
func (h serverDir) lockStartStop(ctx context.Context) (*os.File, error) {
	f, err := h.openFile("lock", 0)
	if err != nil {
		return nil, err
	}
	if err := lockFile(ctx, f, syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("wait for %s: %w", f.Name(), err)
	}
	return f, nil
}

func joinOrLaunch(ctx context.Context, h serverDir, o Options) (*Server, error) {
	bindir, err := findBinariesOf(ctx, h.dataVersion())
	if err != nil {
		return nil, err
	}
	if s, err := joinRunning(ctx, h, bindir); s != nil || err != nil {
		return s, err
	}
	if err := h.stopUnsupervised(ctx); err != nil {
		return nil, err
	}
	var s *Server
	err = poll(ctx, func() (bool, error) {
		s, err = launchSupervisor(ctx, h, bindir, o)
		if errors.Is(err, errOldProcessesRunning) {
			return false, nil
		}
		return err == nil, err
	})
	return s, err
}

// dataVersion returns the major version that wrote the home's data, empty if it has
// none yet.
func (h serverDir) dataVersion() string {
	text, err := os.ReadFile(filepath.Join(h.dataDir(), "PG_VERSION"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// joinRunning uses the server that runs already in h. It returns nil if none does, or
// if it ends while we wait for it: its last user may just have been killed.
func joinRunning(ctx context.Context, h serverDir, bindir string) (*Server, error) {
	alive, err := h.openPipeForWriting()
	if alive == nil || err != nil {
		return nil, err
	}
	s := &Server{dir: h, binDir: bindir, usersPipe: alive}
	ready, err := s.waitReady(ctx)
	if !ready || err != nil {
		alive.Close()
		return nil, err
	}
	return s, nil
}

// waitReady waits until the server takes connections. It reports false if it ends
// instead.
func (s *Server) waitReady(ctx context.Context) (bool, error) {
	up := false
	err := poll(ctx, func() (bool, error) {
		if s.ping(ctx) == nil {
			up = true
			return true, nil
		}
		return s.dir.supervisorGone()
	})
	return up, err
}

// stopUnsupervised stops a server whose keeper was killed: nothing would end it with
// its users.
func (h serverDir) stopUnsupervised(ctx context.Context) error {
	if !h.isListening(ctx) {
		return nil
	}
	pid, err := readPID(h.pidFile())
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
		return fmt.Errorf("stop the server left behind in %s: %w", h.path, err)
	}
	return poll(ctx, func() (bool, error) { return !h.isListening(ctx), nil })
}

// isListening reports whether anything accepts connections on the socket.
func (h serverDir) isListening(ctx context.Context) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", filepath.Join(h.socketDir, ".s.PGSQL.5432"))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
