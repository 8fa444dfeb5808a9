package pgtest

import (
	"context"
	"os"
	"syscall"
	"testing"

	"logto-syncer/internal/postgres"
)

// An Instance is a server for one test, which may stop and kill it. Its methods
// fail the test on an error, and must be called from the test's goroutine.
type Instance struct {
	t       testing.TB
	dir     string
	server  *postgres.Server // nil: stopped
	urlBase *postgres.Server // for URL: not nil when stopped
}

// StartInstance starts a server for a test of failures, in which connections break
// or the server is down for a while. It takes about a second. The server is
// removed when the test ends.
func StartInstance(t testing.TB) *Instance {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "syncer-pgtest-") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatalf("make a directory for a server: %v", err)
	}
	// The server's user, which is not ours when we are root, must be able to enter
	// its own directory inside.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatalf("open the server's directory: %v", err)
	}
	i := &Instance{t: t, dir: dir}
	t.Cleanup(i.remove)
	i.Start()
	return i
}

// URL returns the connection string of a database, the same before and after a
// restart. The database "postgres" is there from the start.
func (i *Instance) URL(database string) string {
	return i.urlBase.URL(database)
}

// Start starts the server after Stop or Kill, with its data.
func (i *Instance) Start() {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), setupTimeout)
	defer cancel()
	srv, err := postgres.Start(ctx, postgres.Options{Dir: i.dir + "/server", Fast: true})
	if err != nil {
		i.t.Fatal(err)
	}
	i.server, i.urlBase = srv, srv
}

// Stop shuts the server down. Its connections break.
func (i *Instance) Stop() {
	i.t.Helper()
	if err := i.stop(); err != nil {
		i.t.Fatal(err)
	}
}

// Restart is Stop and Start.
func (i *Instance) Restart() {
	i.t.Helper()
	i.Stop()
	i.Start()
}

// Kill kills the server's postmaster with SIGKILL: transactions that are not
// committed are lost, and the next Start recovers the others.
func (i *Instance) Kill() {
	i.t.Helper()
	pid, err := i.server.PID()
	if err != nil {
		i.t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		i.t.Fatalf("kill the server: %v", err)
	}
	i.Stop()
}

func (i *Instance) stop() error {
	if i.server == nil {
		return nil
	}
	// The test's own context is done when its clean-up runs.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(i.t.Context()), setupTimeout)
	defer cancel()
	err := i.server.Stop(ctx)
	i.server = nil
	return err
}

func (i *Instance) remove() {
	if err := i.stop(); err != nil {
		i.t.Errorf("end the test's server: %v", err)
	}
	if err := os.RemoveAll(i.dir); err != nil {
		i.t.Errorf("remove the test's server: %v", err)
	}
}
