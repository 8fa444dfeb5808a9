package postgres

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

// Stop releases the server. If no other process uses it, it is shut down, and
// Stop returns when it has ended, or with the context's error while it still
// shuts down. The directory of a temporary server is deleted. A second Stop does
// nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usersPipe == nil {
		return nil
	}
	if err := s.stop(ctx); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

func (s *Server) stop(ctx context.Context) error {
	// Whatever fails below, this process no longer uses the server.
	defer s.release()
	last := true
	if s.usersLock != nil {
		startStopLock, err := s.dir.lockStartStop(ctx)
		if err != nil {
			return err
		}
		defer startStopLock.Close()
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

// release closes the pipe and the lock that keep the server running.
func (s *Server) release() {
	for _, f := range []*os.File{s.usersPipe, s.usersLock} {
		if f != nil {
			f.Close()
		}
	}
	s.usersPipe, s.usersLock = nil, nil
}

// waitStopped waits for the end of the supervisor, which ends after the server.
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
