package pgtest

import (
	"context"
	"os"
	"syscall"
	"testing"

	"logto-syncer/internal/postgres"
)

// An Instance is a server of a test's own, which it may stop and kill. Its
// methods fail the test if they do not succeed, and are called from the test's
// goroutine.
type Instance struct {
	t       testing.TB
	dir     string
	server  *postgres.Server // nil: stopped
	urlBase *postgres.Server // what URL asks: stays the same when stopped
}

// StartServer starts a server for a test of faults: one whose connections break and
// which is gone for a while. It costs about a second. It does not outlive the
// test.
func StartServer(t testing.TB) *Instance {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "syncer-pgtest-") //nolint:usetesting // t.TempDir is too long for a socket
	if err != nil {
		t.Fatalf("make a directory for a server: %v", err)
	}
	// The server's account, which is not ours when we are root, must get to
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

// Start starts the server after Stop or Kill, with the data it had.
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

// Stop shuts the server down in good order. Its connections break.
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

// Kill ends the server as kill -9 of its postmaster does: what was not
// committed is lost, and the next Start recovers the rest from the log.
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
