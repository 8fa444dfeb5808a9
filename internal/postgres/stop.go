package postgres

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

// Stop leaves the server. If nobody else uses it, it is shut down in good
// order, and Stop returns when it is gone, or with the context's error while
// it still goes down by itself. A throw-away server's directory is deleted.
// Stopping twice does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.stopping.Lock()
	defer s.stopping.Unlock()
	if s.usersPipe == nil {
		return nil
	}
	if err := s.stop(ctx); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

func (s *Server) stop(ctx context.Context) error {
	// Whatever goes wrong below, this process has left the server.
	defer s.release()
	last := true
	if s.usersLock != nil {
		turn, err := s.dir.lockStartStop(ctx)
		if err != nil {
			return err
		}
		defer turn.Close()
		if last, err = tryLockFile(s.usersLock, syscall.LOCK_EX); err != nil {
			return err
		}
	}
	s.release()
	if !last {
		return nil
	}
	return s.waitStopped(ctx)
}

// release closes what holds the server.
func (s *Server) release() {
	for _, f := range []*os.File{s.usersPipe, s.usersLock} {
		if f != nil {
			f.Close()
		}
	}
	s.usersPipe, s.usersLock = nil, nil
}

// waitStopped waits until the keeper is gone, and with it the server.
func (s *Server) waitStopped(ctx context.Context) error {
	if s.supervisorDone == nil {
		return poll(ctx, s.dir.supervisorGone)
	}
	select {
	case <-s.supervisorDone:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
