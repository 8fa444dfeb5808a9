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
