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
	if s.alive == nil {
		return nil
	}
	if err := s.stop(ctx); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

func (s *Server) stop(ctx context.Context) error {
	// Whatever goes wrong below, this process has left the server.
	defer s.leave()
	last := true
	if s.lease != nil {
		turn, err := s.home.takeTurn(ctx)
		if err != nil {
			return err
		}
		defer turn.Close()
		if last, err = tryLock(s.lease, syscall.LOCK_EX); err != nil {
			return err
		}
	}
	s.leave()
	if !last {
		return nil
	}
	return s.wait(ctx)
}

// leave closes what holds the server.
func (s *Server) leave() {
	for _, f := range []*os.File{s.alive, s.lease} {
		if f != nil {
			f.Close()
		}
	}
	s.alive, s.lease = nil, nil
}

// wait waits until the keeper is gone, and with it the server.
func (s *Server) wait(ctx context.Context) error {
	if s.keeper == nil {
		return poll(ctx, s.home.gone)
	}
	select {
	case <-s.keeper:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
