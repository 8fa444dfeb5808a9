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

// Start starts the server, or joins the one that already runs in o.Dir, and
// returns when it accepts connections. The context bounds the start only. The
// caller must Stop the server; if its process is killed before, the server stops
// with the last process that uses it.
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
	d, err := openOrCreateServerDir(o.Dir)
	if err != nil {
		return nil, err
	}
	startStopLock, err := d.lockStartStop(ctx)
	if err != nil {
		return nil, err
	}
	defer startStopLock.Close()
	usersLock, err := d.openFile("users-lock", 0)
	if err != nil {
		return nil, err
	}
	s, err := joinOrLaunch(ctx, d, o)
	if err == nil {
		err = lockFile(ctx, usersLock, syscall.LOCK_SH)
	}
	if err != nil {
		usersLock.Close()
		return nil, err
	}
	s.usersLock = usersLock
	return s, nil
}

func startTemporary(ctx context.Context, o Options) (*Server, error) {
	binDir, err := o.findBinaries(ctx, "")
	if err != nil {
		return nil, err
	}
	d, err := newTemporaryDir()
	if err != nil {
		return nil, err
	}
	s, err := launchSupervisor(ctx, d, binDir, o)
	if err != nil {
		// The supervisor does this too, if it was started.
		return nil, errors.Join(err, os.RemoveAll(d.path))
	}
	return s, nil
}

// lockStartStop waits until no other process starts or stops the server of the
// directory. Closing the file releases the lock.
func (d serverDir) lockStartStop(ctx context.Context) (*os.File, error) {
	f, err := d.openFile("lock", 0)
	if err != nil {
		return nil, err
	}
	if err := lockFile(ctx, f, syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("wait for %s: %w", f.Name(), err)
	}
	return f, nil
}

func joinOrLaunch(ctx context.Context, d serverDir, o Options) (*Server, error) {
	binDir, err := o.findBinaries(ctx, d.dataVersion())
	if err != nil {
		return nil, err
	}
	if s, err := joinRunning(ctx, d, binDir, o); s != nil || err != nil {
		return s, err
	}
	if err := d.stopUnsupervised(ctx); err != nil {
		return nil, err
	}
	var s *Server
	err = poll(ctx, func() (bool, error) {
		s, err = launchSupervisor(ctx, d, binDir, o)
		if errors.Is(err, errOldProcessesRunning) {
			return false, nil
		}
		return err == nil, err
	})
	return s, err
}

// dataVersion returns the major version that wrote the data; empty: there is no
// data yet.
func (d serverDir) dataVersion() string {
	text, err := os.ReadFile(filepath.Join(d.dataDir(), "PG_VERSION"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// joinRunning uses the server that already runs in d. It returns nil if there is
// none, or if it ends meanwhile: its last process may just have been killed.
func joinRunning(ctx context.Context, d serverDir, binDir string, o Options) (*Server, error) {
	usersPipe, err := d.openPipeForWriting()
	if usersPipe == nil || err != nil {
		return nil, err
	}
	s := &Server{dir: d, options: o, binDir: binDir, usersPipe: usersPipe}
	ready, err := s.waitReady(ctx)
	if ready && err == nil {
		s.restarted, err = s.restartIfBinariesBrokenLocked(ctx)
	}
	if !ready || err != nil {
		usersPipe.Close()
		return nil, err
	}
	return s, nil
}

// waitReady waits until the server accepts connections. It returns false if the
// server ends instead.
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

// stopUnsupervised stops a server whose supervisor was killed: it would not stop
// with the last process that uses it.
func (d serverDir) stopUnsupervised(ctx context.Context) error {
	if !d.isListening(ctx) {
		return nil
	}
	pid, err := readPID(d.pidFile())
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
		return fmt.Errorf("stop the server without supervisor in %s: %w", d.path, err)
	}
	return poll(ctx, func() (bool, error) { return !d.isListening(ctx), nil })
}

// isListening reports whether a process accepts connections on the socket.
func (d serverDir) isListening(ctx context.Context) bool {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", filepath.Join(d.socketDir, ".s.PGSQL.5432"))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
